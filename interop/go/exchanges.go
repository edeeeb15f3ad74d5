package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

var errWrongData = errors.New("what came back is not what was sent")

// payloadSeed makes each stream's pseudo-random bytes different.
var payloadSeed atomic.Uint64

func newPayload() io.Reader {
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[:], payloadSeed.Add(1))
	return mathrand.NewChaCha8(seed)
}

// identify waits for the peer's identify message and reports the latest one.
func identify(p *peerProgram, ctx context.Context, r *request) (map[string]any, error) {
	id, err := p.target(ctx, r)
	if err != nil {
		return nil, err
	}
	if err := p.board.wait(ctx, "identify", func() bool { _, ok := p.board.get(id); return ok }); err != nil {
		return nil, err
	}
	known, _ := p.board.get(id)
	if known.failed != nil {
		return nil, fmt.Errorf("identify failed: %w", known.failed)
	}
	e := known.event
	result := map[string]any{
		"peer_id":          id.String(),
		"agent_version":    e.AgentVersion,
		"protocol_version": e.ProtocolVersion,
		"protocols":        sortedTexts(e.Protocols),
		"listen_addresses": addressTexts(e.ListenAddrs),
		"observed_address": nil,
		"signed_record":    e.SignedPeerRecord != nil,
		"key_type":         keyTypeName(p, id),
		"rounds":           known.rounds,
	}
	if e.ObservedAddr != nil {
		result["observed_address"] = e.ObservedAddr.String()
	}
	if e.SignedPeerRecord != nil {
		if err := describeRecord(e.SignedPeerRecord, result); err != nil {
			return nil, err
		}
	}
	return result, nil
}

func ping(p *peerProgram, ctx context.Context, r *request) (map[string]any, error) {
	id, err := p.target(ctx, r)
	if err != nil {
		return nil, err
	}
	s, err := p.openStream(ctx, id, pingProtocol)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	rtts := []float64{}
	for range max(r.Count, 1) {
		elapsed, err := exchange(s, pingBytes)
		if err != nil {
			s.Reset()
			return nil, err
		}
		rtts = append(rtts, toMs(elapsed))
	}
	return map[string]any{"peer_id": id.String(), "rtts_ms": rtts}, nil
}

func toMs(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// sequentialBytes are sent whole before the answer is read: they fit the windows of both sides.
const sequentialBytes = 64 << 10

// exchange sends n bytes and waits until the same bytes came back.
func exchange(s io.ReadWriter, n int) (time.Duration, error) {
	sent := make([]byte, n)
	received := make([]byte, n)
	if _, err := io.ReadFull(newPayload(), sent); err != nil {
		return 0, err
	}
	start := time.Now()
	if n > sequentialBytes {
		go s.Write(sent) // should it fail, so does the read
	} else if _, err := s.Write(sent); err != nil {
		return 0, err
	}
	if _, err := io.ReadFull(s, received); err != nil {
		return 0, err
	}
	elapsed := time.Since(start)
	if !bytes.Equal(sent, received) {
		return 0, errWrongData
	}
	return elapsed, nil
}

// echoPlan says how one echo stream is driven.
type echoPlan struct {
	bytes     int64
	chunk     int
	readDelay time.Duration
}

func planOf(r *request) echoPlan {
	chunk := r.Chunk
	if chunk <= 0 {
		chunk = 64 << 10
	}
	return echoPlan{bytes: r.Bytes, chunk: chunk, readDelay: milliseconds(r.ReadDelayMs)}
}

func echoOnce(p *peerProgram, ctx context.Context, r *request) (map[string]any, error) {
	id, err := p.target(ctx, r)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	s, err := p.openStream(ctx, id, protocolOr(r, echoProtocol))
	if err != nil {
		return nil, err
	}
	received, digest, err := runEcho(s, planOf(r))
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"bytes": received, "seconds": time.Since(start).Seconds(), "sha256": fmt.Sprintf("%x", digest), "match": true,
	}, nil
}

func protocolOr(r *request, otherwise protocol.ID) protocol.ID {
	if r.Protocol != "" {
		return protocol.ID(r.Protocol)
	}
	return otherwise
}

// runEcho writes and reads at the same time, half-closes, reads to the end and compares.
func runEcho(s network.Stream, plan echoPlan) (int64, []byte, error) {
	sent := sha256.New()
	written := make(chan error, 1)
	go func() {
		source := io.TeeReader(io.LimitReader(newPayload(), plan.bytes), sent)
		_, err := io.CopyBuffer(struct{ io.Writer }{s}, source, make([]byte, plan.chunk))
		if err == nil {
			err = s.CloseWrite()
		}
		written <- err
	}()
	returned := sha256.New()
	n, err := readAll(s, returned, plan)
	if err != nil {
		s.Reset()
		return 0, nil, fmt.Errorf("reading, after %d bytes: %w", n, err)
	}
	if err := <-written; err != nil {
		s.Reset()
		return 0, nil, fmt.Errorf("writing: %w", err)
	}
	s.Close()
	if digest := sent.Sum(nil); n == plan.bytes && bytes.Equal(digest, returned.Sum(nil)) {
		return n, digest, nil
	}
	return 0, nil, fmt.Errorf("%d of %d bytes: %w", n, plan.bytes, errWrongData)
}

func readAll(r io.Reader, w io.Writer, plan echoPlan) (int64, error) {
	buffer := make([]byte, plan.chunk)
	total := int64(0)
	for {
		n, err := r.Read(buffer)
		w.Write(buffer[:n])
		total += int64(n)
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
		if plan.readDelay > 0 {
			time.Sleep(plan.readDelay)
		}
	}
}

// echoMany opens all streams first, proves each with one byte, then echoes on all at once.
func echoMany(p *peerProgram, ctx context.Context, r *request) (map[string]any, error) {
	id, err := p.target(ctx, r)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	opened := make([]network.Stream, r.Count)
	err = inParallel(r.Count, func(i int) error {
		s, err := p.openStream(ctx, id, protocolOr(r, echoProtocol))
		if err != nil {
			return err
		}
		opened[i] = s
		_, err = exchange(s, 1)
		return err
	})
	if err == nil {
		err = inParallel(r.Count, func(i int) error { _, _, err := runEcho(opened[i], planOf(r)); return err })
	}
	if err != nil {
		for _, s := range opened {
			if s != nil {
				s.Reset()
			}
		}
		return nil, err
	}
	return map[string]any{"count": r.Count, "bytes": r.Bytes, "seconds": time.Since(start).Seconds()}, nil
}

// inParallel runs n calls at once and returns the first error, once all have ended.
func inParallel(n int, call func(i int) error) error {
	results := make(chan error, n)
	for i := range n {
		go func() { results <- call(i) }()
	}
	var first error
	for range n {
		if err := <-results; err != nil && first == nil {
			first = err
		}
	}
	return first
}

// resetStream proves a stream with one byte, then resets it with the code given.
func resetStream(p *peerProgram, ctx context.Context, r *request) (map[string]any, error) {
	id, err := p.target(ctx, r)
	if err != nil {
		return nil, err
	}
	s, err := p.openStream(ctx, id, protocolOr(r, echoProtocol))
	if err != nil {
		return nil, err
	}
	if _, err := exchange(s, 1); err != nil {
		s.Reset()
		return nil, err
	}
	return map[string]any{}, s.ResetWithError(network.StreamErrorCode(r.Code))
}

// perf is the client of /perf/1.0.0.
func perf(p *peerProgram, ctx context.Context, r *request) (map[string]any, error) {
	id, err := p.target(ctx, r)
	if err != nil {
		return nil, err
	}
	s, err := p.openStream(ctx, id, perfProtocol)
	if err != nil {
		return nil, err
	}
	result, err := runPerf(s, r.UploadBytes, r.DownloadBytes, planOf(r).chunk)
	if err != nil {
		s.Reset()
		return nil, err
	}
	s.Close()
	return result, nil
}

func runPerf(s network.Stream, uploadBytes, downloadBytes uint64, chunk int) (map[string]any, error) {
	start := time.Now()
	if err := binary.Write(s, binary.BigEndian, downloadBytes); err != nil {
		return nil, err
	}
	if err := sendChunks(s, uploadBytes, make([]byte, chunk)); err != nil {
		return nil, err
	}
	if err := s.CloseWrite(); err != nil {
		return nil, err
	}
	// The server answers only when it has everything, so its first byte (or its end) is the end of the upload.
	first := make([]byte, 1)
	n, err := io.ReadFull(s, first)
	if err != nil && err != io.EOF {
		return nil, err
	}
	uploaded := time.Now()
	rest, err := io.Copy(io.Discard, s)
	if err != nil {
		return nil, err
	}
	if received := uint64(rest) + uint64(n); received != downloadBytes {
		return nil, fmt.Errorf("%d of %d bytes: %w", received, downloadBytes, errWrongData)
	}
	return map[string]any{
		"upload_bytes":     uploadBytes,
		"download_bytes":   downloadBytes,
		"chunk":            chunk,
		"upload_seconds":   uploaded.Sub(start).Seconds(),
		"download_seconds": time.Since(uploaded).Seconds(),
	}, nil
}

func keyTypeName(p *peerProgram, id peer.ID) string {
	key := p.host.Peerstore().PubKey(id)
	if key == nil {
		return ""
	}
	return map[string]string{
		"RSA": "rsa", "Ed25519": "ed25519", "Secp256k1": "secp256k1", "ECDSA": "ecdsa",
	}[key.Type().String()]
}
