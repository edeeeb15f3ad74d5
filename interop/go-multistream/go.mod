module interop/go-multistream

go 1.20

require github.com/multiformats/go-multistream v0.4.1

require github.com/multiformats/go-varint v0.0.6 // indirect
