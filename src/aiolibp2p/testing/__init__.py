"""For tests of protocols: fixtures for pytest over the simulator. docs/how-to/test-your-own-protocol.md"""
