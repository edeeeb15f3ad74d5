"""A network in one process, under virtual time: fifty seconds of it take a blink, and happen again byte for byte."""

from aiolibp2p.errors import Libp2pError
from aiolibp2p.simulator.run import run_scenario
from aiolibp2p.simulator.scenario import RunOptions, Scenario
from aiolibp2p.simulator.simulation import Simulation


async def gossip_survives(simulation: Simulation) -> None:
    """One node tells all others a secret; the network is torn in two meanwhile."""
    simulation.use_regions()
    nodes = [simulation.add_node() for _ in range(simulation.size)]
    await simulation.start_nodes()
    heard = {}

    for node in nodes:

        async def listen(stream, name=node.name):
            heard[name] = await stream.read()

        node.running.set_stream_handler("/secret/1.0.0", listen)

    simulation.faults.partition(nodes[:4], nodes[4:])
    waiting = nodes[1:]
    while waiting:
        for node in list(waiting):
            try:
                stream = await nodes[0].running.new_stream(node.address, "/secret/1.0.0")
                await stream.write(b"tell nobody")
                await stream.close()
                waiting.remove(node)
            except Libp2pError:
                simulation.count("failed")
        if simulation.now > 30:
            simulation.faults.heal()

    await simulation.wait(2)
    if len(heard) != len(nodes) - 1:
        simulation.violate("secret", f"only {len(heard)} have heard it")


scenario = Scenario("secret", "a secret crosses a partition", gossip_survives, nodes=8)
first = run_scenario(scenario, RunOptions(seed=7))
again = run_scenario(scenario, RunOptions(seed=7))
print(f"{first.virtual_s:.0f} virtual seconds, {first.events} events, {first.counters['failed']} failed dials")
print("violations:", [violation.what for violation in first.violations])
print("the same again:", first.trace_sha256 == again.trace_sha256)
