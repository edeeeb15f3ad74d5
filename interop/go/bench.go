package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/multiformats/go-multistream"
)

// race runs rounds on `workers` goroutines until `count` rounds are done, or, without a count, until `seconds` passed.
type race struct {
	workers int
	count   int
	seconds float64
}

func raceOf(r *request, workers int) race {
	seconds := r.Seconds
	if seconds <= 0 {
		seconds = 1
	}
	return race{workers: max(workers, 1), count: r.Count, seconds: seconds}
}

// run gives each worker its number; `round` returns the time that counts as one latency.
func (c race) run(round func(worker int) (time.Duration, error)) (map[string]any, error) {
	var taken atomic.Int64
	var mu sync.Mutex
	var latencies []time.Duration
	start := time.Now()
	deadline := start.Add(time.Duration(c.seconds * float64(time.Second)))
	more := func() bool {
		if c.count > 0 {
			return taken.Add(1) <= int64(c.count)
		}
		return time.Now().Before(deadline)
	}
	err := inParallel(c.workers, func(worker int) error {
		var own []time.Duration
		var err error
		for err == nil && more() {
			var latency time.Duration
			if latency, err = round(worker); err == nil {
				own = append(own, latency)
			}
		}
		mu.Lock()
		latencies = append(latencies, own...)
		mu.Unlock()
		return err
	})
	elapsed := time.Since(start).Seconds()
	if err != nil {
		return nil, fmt.Errorf("after %d rounds: %w", len(latencies), err)
	}
	slices.Sort(latencies)
	return map[string]any{
		"count":   len(latencies),
		"seconds": elapsed,
		"p50_ms":  toMs(quantile(latencies, 0.50)),
		"p99_ms":  toMs(quantile(latencies, 0.99)),
	}, nil
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func sizeOr(r *request, otherwise int) int {
	if r.Bytes > 0 {
		return int(r.Bytes)
	}
	return otherwise
}

// pingsRate keeps one request in flight on each of `streams` streams that stay open.
func pingsRate(p *peerProgram, ctx context.Context, r *request) (map[string]any, error) {
	id, err := p.target(ctx, r)
	if err != nil {
		return nil, err
	}
	size := sizeOr(r, pingBytes)
	opened := make([]network.Stream, max(r.Streams, 1))
	defer func() {
		for _, s := range opened {
			if s != nil {
				s.Close()
			}
		}
	}()
	for i := range opened {
		if opened[i], err = p.openStream(ctx, id, protocolOr(r, benchEchoProtocol)); err != nil {
			return nil, err
		}
		if _, err := exchange(opened[i], size); err != nil {
			return nil, err
		}
	}
	return raceOf(r, len(opened)).run(func(worker int) (time.Duration, error) {
		return exchange(opened[worker], size)
	})
}

// opensRate opens a stream, sends one request, reads the answer, closes: once after the other in each worker.
func opensRate(p *peerProgram, ctx context.Context, r *request) (map[string]any, error) {
	id, err := p.target(ctx, r)
	if err != nil {
		return nil, err
	}
	size := sizeOr(r, pingBytes)
	protocolID := protocolOr(r, benchEchoProtocol)
	return raceOf(r, r.Concurrency).run(func(int) (time.Duration, error) {
		start := time.Now()
		s, err := p.openStream(ctx, id, protocolID)
		if err != nil {
			return 0, err
		}
		if _, err := exchange(s, size); err != nil {
			s.Reset()
			return 0, err
		}
		err = s.Close()
		return time.Since(start), err
	})
}

// dialsRate dials, upgrades, pings once and closes: once after the other in each worker. Each worker is
// a host of its own, made before the clock starts, since one host keeps one connection to a peer.
func dialsRate(p *peerProgram, ctx context.Context, r *request) (map[string]any, error) {
	info, err := parseAddress(r.Address)
	if err != nil {
		return nil, err
	}
	hosts := make([]host.Host, max(r.Concurrency, 1))
	defer func() {
		for _, h := range hosts {
			if h != nil {
				h.Close()
			}
		}
	}()
	for i := range hosts {
		if hosts[i], err = newHost(p.settings); err != nil {
			return nil, err
		}
		hosts[i].Peerstore().AddAddrs(info.ID, info.Addrs, peerstore.PermanentAddrTTL)
	}
	return raceOf(r, len(hosts)).run(func(worker int) (time.Duration, error) {
		start := time.Now()
		err := dialOnce(ctx, hosts[worker], info.ID)
		return time.Since(start), err
	})
}

func dialOnce(ctx context.Context, h host.Host, id peer.ID) error {
	connection, err := h.Network().DialPeer(ctx, id)
	if err != nil {
		return err
	}
	defer connection.Close()
	s, err := connection.NewStream(ctx)
	if err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok {
		s.SetDeadline(deadline)
	}
	negotiated := multistream.NewMSSelect(s, pingProtocol)
	if _, err := exchange(negotiated, pingBytes); err != nil {
		return err
	}
	return s.Close()
}

// usage reports the processor time and the largest resident size of this process so far.
func usage(*peerProgram, context.Context, *request) (map[string]any, error) {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return nil, err
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return map[string]any{
		"user_seconds":   seconds(used.Utime),
		"system_seconds": seconds(used.Stime),
		"max_rss_bytes":  int64(used.Maxrss) * 1024,
	}, nil
}
