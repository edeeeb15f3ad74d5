package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/core/sec"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/multiformats/go-multistream"
)

var errBadCommand = errors.New("bad command")

// request is a command with the fields of all commands.
type request struct {
	ID            json.RawMessage `json:"id"`
	Cmd           string          `json:"cmd"`
	Address       string          `json:"address"`
	Peer          string          `json:"peer"`
	Protocol      string          `json:"protocol"`
	Absent        bool            `json:"absent"`
	Count         int             `json:"count"`
	Bytes         int64           `json:"bytes"`
	Chunk         int             `json:"chunk"`
	ReadDelayMs   float64         `json:"read_delay_ms"`
	Streams       int             `json:"streams"`
	Concurrency   int             `json:"concurrency"`
	Seconds       float64         `json:"seconds"`
	UploadBytes   uint64          `json:"upload_bytes"`
	DownloadBytes uint64          `json:"download_bytes"`
	Code          uint32          `json:"code"`
	TimeoutMs     float64         `json:"timeout_ms"`
}

type peerProgram struct {
	host     host.Host
	board    *board
	settings hostSettings
}

type command func(p *peerProgram, ctx context.Context, r *request) (map[string]any, error)

var commands map[string]command

func init() {
	commands = map[string]command{
		"dial":                dial,
		"disconnect":          disconnect,
		"connections":         connections,
		"wait_connected":      waitConnected,
		"wait_disconnected":   waitDisconnected,
		"identify":            identify,
		"protocols":           protocols,
		"peer_addresses":      peerAddresses,
		"wait_protocol":       waitProtocol,
		"wait_peer_address":   waitPeerAddress,
		"add_protocol":        addProtocol,
		"remove_protocol":     removeProtocol,
		"add_listen":          addListen,
		"open":                open,
		"ping":                ping,
		"echo":                echoOnce,
		"streams":             echoMany,
		"reset":               resetStream,
		"perf":                perf,
		"pings_rate":          pingsRate,
		"opens_rate":          opensRate,
		"dials_rate":          dialsRate,
		"bulk_pings_rate":     bulkPingsRate,
		"hold_connections":    holdConnections,
		"release_connections": releaseConnections,
		"memory":              memory,
		"usage":               usage,
	}
}

func milliseconds(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

func failure(id json.RawMessage, err error) map[string]any {
	return map[string]any{"id": id, "ok": false, "error": err.Error(), "kind": errorKind(err)}
}

// errorKind sorts errors into the few words that all peers share.
func errorKind(err error) string {
	var mismatch sec.ErrPeerIDMismatch
	var refused multistream.ErrNotSupported[protocol.ID]
	var reset *network.StreamError
	switch {
	case errors.Is(err, errBadCommand):
		return "bad_command"
	case errors.As(err, &mismatch):
		return "peer_id_mismatch"
	case errors.As(err, &refused):
		return "protocol_not_supported"
	case errors.As(err, &reset) || errors.Is(err, network.ErrReset):
		return "stream_reset"
	case errors.Is(err, context.DeadlineExceeded) || os.IsTimeout(err):
		return "timeout"
	case errors.Is(err, network.ErrNoConn) || errors.Is(err, errNotConnected):
		return "not_connected"
	}
	return "other"
}

var errNotConnected = errors.New("not connected")

func parseAddress(text string) (peer.AddrInfo, error) {
	info, err := peer.AddrInfoFromString(text)
	if err != nil {
		return peer.AddrInfo{}, fmt.Errorf("%w: address %q: %w", errBadCommand, text, err)
	}
	return *info, nil
}

// target is the connected peer that a command names by `peer`, or by an `address` that is dialled if need be.
func (p *peerProgram) target(ctx context.Context, r *request) (peer.ID, error) {
	if r.Address != "" {
		info, err := parseAddress(r.Address)
		if err != nil {
			return "", err
		}
		return info.ID, p.connect(ctx, info)
	}
	id, err := peer.Decode(r.Peer)
	if err != nil {
		return "", fmt.Errorf("%w: peer %q: %w", errBadCommand, r.Peer, err)
	}
	if p.host.Network().Connectedness(id) != network.Connected {
		return "", fmt.Errorf("%s: %w", id, errNotConnected)
	}
	return id, nil
}

// connect dials exactly the address given, whatever was learnt or failed before; it returns once identify ended.
func (p *peerProgram) connect(ctx context.Context, info peer.AddrInfo) error {
	if p.host.Network().Connectedness(info.ID) != network.Connected {
		p.host.Peerstore().ClearAddrs(info.ID)
		if s, ok := p.host.Network().(*swarm.Swarm); ok {
			s.Backoff().Clear(info.ID)
		}
	}
	return p.host.Connect(ctx, info)
}

// openStream opens a stream on a connection that stands already; it ends with the command's time.
func (p *peerProgram) openStream(ctx context.Context, id peer.ID, protocolID protocol.ID) (network.Stream, error) {
	s, err := p.host.NewStream(network.WithNoDial(ctx, "command"), id, protocolID)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		s.SetDeadline(deadline)
	}
	return s, nil
}

func dial(p *peerProgram, ctx context.Context, r *request) (map[string]any, error) {
	info, err := parseAddress(r.Address)
	if err != nil {
		return nil, err
	}
	if err := p.connect(ctx, info); err != nil {
		return nil, err
	}
	live := p.host.Network().ConnsToPeer(info.ID)
	if len(live) == 0 {
		return nil, fmt.Errorf("%s: %w", info.ID, errNotConnected)
	}
	return describe(live[len(live)-1]), nil
}

func disconnect(p *peerProgram, _ context.Context, r *request) (map[string]any, error) {
	id, err := peer.Decode(r.Peer)
	if err != nil {
		return nil, fmt.Errorf("%w: peer %q: %w", errBadCommand, r.Peer, err)
	}
	return map[string]any{}, p.host.Network().ClosePeer(id)
}

func connections(p *peerProgram, _ context.Context, _ *request) (map[string]any, error) {
	list := []map[string]any{}
	for _, c := range p.host.Network().Conns() {
		list = append(list, describe(c))
	}
	return map[string]any{"connections": list}, nil
}

func describe(c network.Conn) map[string]any {
	direction := "outbound"
	if c.Stat().Direction == network.DirInbound {
		direction = "inbound"
	}
	return map[string]any{
		"peer_id":        c.RemotePeer().String(),
		"direction":      direction,
		"local_address":  c.LocalMultiaddr().String(),
		"remote_address": c.RemoteMultiaddr().String(),
		"security":       string(c.ConnState().Security),
		"muxer":          string(c.ConnState().StreamMultiplexer),
		"early_muxer":    c.ConnState().UsedEarlyMuxerNegotiation,
		"streams":        len(c.GetStreams()),
	}
}

func waitConnected(p *peerProgram, ctx context.Context, r *request) (map[string]any, error) {
	return waitConnectedness(p, ctx, r, network.Connected)
}

func waitDisconnected(p *peerProgram, ctx context.Context, r *request) (map[string]any, error) {
	return waitConnectedness(p, ctx, r, network.NotConnected)
}

func waitConnectedness(
	p *peerProgram, ctx context.Context, r *request, wanted network.Connectedness,
) (map[string]any, error) {
	id, err := peer.Decode(r.Peer)
	if err != nil {
		return nil, fmt.Errorf("%w: peer %q: %w", errBadCommand, r.Peer, err)
	}
	return map[string]any{}, p.board.wait(ctx, "connectedness "+wanted.String(), func() bool {
		return p.host.Network().Connectedness(id) == wanted
	})
}

func open(p *peerProgram, ctx context.Context, r *request) (map[string]any, error) {
	id, err := p.target(ctx, r)
	if err != nil {
		return nil, err
	}
	s, err := p.openStream(ctx, id, protocol.ID(r.Protocol))
	if err != nil {
		return nil, err
	}
	defer s.Reset()
	return map[string]any{"protocol": string(s.Protocol())}, nil
}

func addProtocol(p *peerProgram, _ context.Context, r *request) (map[string]any, error) {
	p.host.SetStreamHandler(protocol.ID(r.Protocol), serveEcho)
	return map[string]any{}, nil
}

func removeProtocol(p *peerProgram, _ context.Context, r *request) (map[string]any, error) {
	p.host.RemoveStreamHandler(protocol.ID(r.Protocol))
	return map[string]any{}, nil
}

func addListen(p *peerProgram, _ context.Context, r *request) (map[string]any, error) {
	if err := listenAll(p.host, []string{r.Address}); err != nil {
		return nil, err
	}
	return map[string]any{"addresses": dialableAddresses(p.host)}, nil
}

func protocols(p *peerProgram, ctx context.Context, r *request) (map[string]any, error) {
	id, err := p.target(ctx, r)
	if err != nil {
		return nil, err
	}
	known, err := p.host.Peerstore().GetProtocols(id)
	return map[string]any{"protocols": sortedTexts(known)}, err
}

func waitProtocol(p *peerProgram, ctx context.Context, r *request) (map[string]any, error) {
	id, err := p.target(ctx, r)
	if err != nil {
		return nil, err
	}
	return map[string]any{}, p.board.wait(ctx, "protocol "+r.Protocol, func() bool {
		known, err := p.host.Peerstore().GetProtocols(id)
		return err == nil && slices.Contains(known, protocol.ID(r.Protocol)) != r.Absent
	})
}

func peerAddresses(p *peerProgram, ctx context.Context, r *request) (map[string]any, error) {
	id, err := p.target(ctx, r)
	if err != nil {
		return nil, err
	}
	return map[string]any{"addresses": addressTexts(p.host.Peerstore().Addrs(id))}, nil
}

// waitPeerAddress waits for an address in the latest identify message of a peer.
func waitPeerAddress(p *peerProgram, ctx context.Context, r *request) (map[string]any, error) {
	info, err := parseAddress(r.Address)
	if err != nil || len(info.Addrs) != 1 {
		return nil, fmt.Errorf("%w: address %q needs a transport and /p2p: %w", errBadCommand, r.Address, err)
	}
	return map[string]any{}, p.board.wait(ctx, "address "+r.Address, func() bool {
		known, _ := p.board.get(info.ID)
		listed := ma.Contains(known.event.ListenAddrs, info.Addrs[0])
		return listed != r.Absent
	})
}

func addressTexts(addresses []ma.Multiaddr) []string {
	texts := []string{}
	for _, address := range addresses {
		texts = append(texts, address.String())
	}
	slices.Sort(texts)
	return texts
}

func sortedTexts(ids []protocol.ID) []string {
	texts := protocol.ConvertToStrings(ids)
	slices.Sort(texts)
	return texts
}
