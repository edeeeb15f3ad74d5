package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
)

const eventQueueLength = 4096

// identified is what identify, or the latest push, told of a connected peer.
type identified struct {
	event  event.EvtPeerIdentificationCompleted
	rounds int // messages of this peer so far, pushes included
	failed error
}

// board keeps what the event bus and the network announce, for commands that wait for it.
type board struct {
	host    host.Host
	mu      sync.Mutex
	changed chan struct{} // closed, and replaced, at each change
	peers   map[peer.ID]identified
}

func newBoard(h host.Host) (*board, error) {
	b := &board{host: h, changed: make(chan struct{}), peers: map[peer.ID]identified{}}
	subscription, err := h.EventBus().Subscribe([]any{
		new(event.EvtPeerIdentificationCompleted),
		new(event.EvtPeerIdentificationFailed),
		new(event.EvtPeerConnectednessChanged),
	}, eventbus.BufSize(eventQueueLength))
	if err != nil {
		return nil, err
	}
	go func() {
		for e := range subscription.Out() {
			b.record(e)
		}
	}()
	return b, nil
}

func (b *board) record(e any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := e.(type) {
	case event.EvtPeerIdentificationCompleted:
		b.peers[e.Peer] = identified{event: e, rounds: b.peers[e.Peer].rounds + 1}
	case event.EvtPeerIdentificationFailed:
		b.peers[e.Peer] = identified{failed: e.Reason}
	case event.EvtPeerConnectednessChanged:
		if e.Connectedness == network.NotConnected {
			delete(b.peers, e.Peer)
		}
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *board) get(id peer.ID) (identified, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	known, ok := b.peers[id]
	return known, ok
}

// wait returns once the condition holds; it is asked again at each change.
func (b *board) wait(ctx context.Context, what string, condition func() bool) error {
	for {
		b.mu.Lock()
		changed := b.changed
		b.mu.Unlock()
		if condition() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		}
	}
}
