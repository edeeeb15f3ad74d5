package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peerstore"
)

// bulkPingsRate is pingsRate on one stream while an upload runs on another of the same connection.
func bulkPingsRate(p *peerProgram, ctx context.Context, r *request) (map[string]any, error) {
	id, err := p.target(ctx, r)
	if err != nil {
		return nil, err
	}
	bulk, err := p.openStream(ctx, id, perfProtocol)
	if err != nil {
		return nil, err
	}
	defer bulk.Reset()
	var ended atomic.Bool
	uploaded := uploadUntil(bulk, &ended)
	single := *r
	single.Streams = 1
	result, err := pingsRate(p, ctx, &single)
	ended.Store(true)
	upload := <-uploaded
	if err = errors.Join(err, upload.err); err != nil {
		return nil, err
	}
	result["bulk_bytes"] = upload.bytes
	return result, nil
}

// upload is what became of one.
type upload struct {
	bytes uint64
	err   error
}

// uploadUntil keeps a stream of /perf/1.0.0 full until told to end; then waits until the server has it all.
func uploadUntil(s network.Stream, ended *atomic.Bool) <-chan upload {
	result := make(chan upload, 1)
	go func() {
		sent := uint64(0)
		err := binary.Write(s, binary.BigEndian, uint64(0))
		for err == nil && !ended.Load() {
			if err = sendZeros(s, copyBytes); err == nil {
				sent += copyBytes
			}
		}
		if err == nil {
			err = s.CloseWrite()
		}
		if err == nil {
			_, err = io.Copy(io.Discard, s)
		}
		result <- upload{sent, err}
	}()
	return result
}

// held are the hosts of holdConnections, each with its connection.
var held struct {
	sync.Mutex
	hosts []host.Host
}

// holdConnections makes hosts, then connects each of them once and keeps it. Memory is measured before and after.
func holdConnections(p *peerProgram, ctx context.Context, r *request) (map[string]any, error) {
	info, err := parseAddress(r.Address)
	if err != nil {
		return nil, err
	}
	hosts := make([]host.Host, max(r.Count, 1))
	for i := range hosts {
		if hosts[i], err = newHost(p.settings); err != nil {
			return nil, err
		}
		hosts[i].Peerstore().AddAddrs(info.ID, info.Addrs, peerstore.PermanentAddrTTL)
		held.Lock()
		held.hosts = append(held.hosts, hosts[i])
		held.Unlock()
	}
	before, err := residentBytes()
	if err != nil {
		return nil, err
	}
	var taken atomic.Int64
	start := time.Now()
	err = inParallel(max(r.Concurrency, 1), func(int) error {
		for i := taken.Add(1) - 1; i < int64(len(hosts)); i = taken.Add(1) - 1 {
			if err := hosts[i].Connect(ctx, info); err != nil {
				return fmt.Errorf("connection %d: %w", i, err)
			}
		}
		return nil
	})
	elapsed := time.Since(start).Seconds()
	if err != nil {
		return nil, err
	}
	after, err := residentBytes()
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"count": len(hosts), "seconds": elapsed, "rss_before_bytes": before, "rss_after_bytes": after,
	}, nil
}

// releaseConnections closes what holdConnections keeps.
func releaseConnections(*peerProgram, context.Context, *request) (map[string]any, error) {
	held.Lock()
	defer held.Unlock()
	for _, h := range held.hosts {
		h.Close()
	}
	held.hosts = nil
	return map[string]any{}, nil
}

// memory is what this process has resident once its garbage is collected and given back.
func memory(*peerProgram, context.Context, *request) (map[string]any, error) {
	bytes, err := residentBytes()
	return map[string]any{"rss_bytes": bytes}, err
}

func residentBytes() (int64, error) {
	runtime.GC() // twice: finalizers of the first free more in the second
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmRSS:" {
			kilobytes, err := strconv.ParseInt(fields[1], 10, 64)
			return kilobytes * 1024, err
		}
	}
	return 0, errors.New("no VmRSS in /proc/self/status")
}
