package main

import (
	"encoding/binary"
	"io"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
)

const (
	pingProtocol      protocol.ID = "/ipfs/ping/1.0.0"
	echoProtocol      protocol.ID = "/interop/echo/1.0.0"
	slowProtocol      protocol.ID = "/interop/slow/1.0.0"
	resetProtocol     protocol.ID = "/interop/reset/1.0.0"
	benchEchoProtocol protocol.ID = "/bench/echo/1.0.0"
	perfProtocol      protocol.ID = "/perf/1.0.0"

	pingBytes      = 32
	copyBytes      = 64 << 10
	slowReadBytes  = 64 << 10
	slowReadPeriod = 4 * time.Millisecond
)

var copyBuffers = sync.Pool{New: func() any { buffer := make([]byte, copyBytes); return &buffer }}

func installHandlers(h host.Host) {
	h.SetStreamHandler(pingProtocol, servePing)
	h.SetStreamHandler(echoProtocol, serveEcho)
	h.SetStreamHandler(benchEchoProtocol, serveEcho)
	h.SetStreamHandler(slowProtocol, serveSlowEcho)
	h.SetStreamHandler(resetProtocol, serveReset)
	h.SetStreamHandler(perfProtocol, servePerf)
}

// servePing answers for as long as the other side asks.
func servePing(s network.Stream) {
	var payload [pingBytes]byte
	for {
		if _, err := io.ReadFull(s, payload[:]); err != nil {
			finish(s, err)
			return
		}
		if _, err := s.Write(payload[:]); err != nil {
			s.Reset()
			return
		}
	}
}

// serveEcho sends back what comes, to the end.
func serveEcho(s network.Stream) { echo(s, copyBytes, 0) }

// serveSlowEcho is an echo that reads at most 64 KiB every 4 ms (16 MB/s).
func serveSlowEcho(s network.Stream) { echo(s, slowReadBytes, slowReadPeriod) }

func echo(s network.Stream, readBytes int, pause time.Duration) {
	pooled := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(pooled)
	buffer := (*pooled)[:readBytes]
	for {
		n, err := s.Read(buffer)
		if n > 0 {
			if _, err := s.Write(buffer[:n]); err != nil {
				s.Reset()
				return
			}
		}
		if err != nil {
			finish(s, err)
			return
		}
		if pause > 0 {
			time.Sleep(pause)
		}
	}
}

// finish closes after the end of the input and resets after anything else.
func finish(s network.Stream, err error) {
	if err == io.EOF {
		s.Close()
	} else {
		s.Reset()
	}
}

// serveReset reads a big-endian uint32 and resets the stream with it as the error code.
func serveReset(s network.Stream) {
	var code [4]byte
	if _, err := io.ReadFull(s, code[:]); err != nil {
		s.Reset()
		return
	}
	s.ResetWithError(network.StreamErrorCode(binary.BigEndian.Uint32(code[:])))
}

// servePerf reads a big-endian uint64 and everything behind it, then sends that many bytes.
func servePerf(s network.Stream) {
	var header [8]byte
	if _, err := io.ReadFull(s, header[:]); err != nil {
		s.Reset()
		return
	}
	if _, err := io.Copy(io.Discard, s); err != nil {
		s.Reset()
		return
	}
	if err := sendZeros(s, binary.BigEndian.Uint64(header[:])); err != nil {
		s.Reset()
		return
	}
	s.Close()
}

var zeros [copyBytes]byte

func sendZeros(w io.Writer, n uint64) error { return sendChunks(w, n, zeros[:]) }

// sendChunks sends n bytes of repetitions of the chunk.
func sendChunks(w io.Writer, n uint64, chunk []byte) error {
	for n > 0 {
		part := min(n, uint64(len(chunk)))
		if _, err := w.Write(chunk[:part]); err != nil {
			return err
		}
		n -= part
	}
	return nil
}
