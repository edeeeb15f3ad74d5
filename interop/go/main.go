// A go-libp2p peer driven by JSON lines: commands on stdin, events and answers on stdout, logs on stderr.
// The interface is described in ../README.md.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

const (
	defaultTimeout = 30 * time.Second
	maxLineBytes   = 4 << 20
)

// output writes one JSON object a line; safe for concurrent use.
type output struct {
	mu sync.Mutex
	w  *bufio.Writer
}

func (o *output) send(object map[string]any) {
	line, err := json.Marshal(object)
	if err != nil {
		line, _ = json.Marshal(map[string]any{"id": object["id"], "ok": false, "error": err.Error(), "kind": "other"})
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.w.Write(line)
	o.w.WriteByte('\n')
	o.w.Flush()
}

type repeated []string

func (r *repeated) String() string     { return strings.Join(*r, ",") }
func (r *repeated) Set(v string) error { *r = append(*r, v); return nil }

func main() {
	settings, err := parseFlags(os.Args[1:])
	if err == nil {
		err = run(settings)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

func parseFlags(args []string) (hostSettings, error) {
	var listen repeated
	flags := flag.NewFlagSet("peer", flag.ContinueOnError)
	flags.Var(&listen, "listen", "multiaddr to listen on; repeatable")
	key := flags.String("key", "ed25519", "identity: ed25519, secp256k1, ecdsa or rsa")
	security := flags.String("security", "noise", "comma-separated: noise, tls, plaintext")
	muxer := flags.String("muxer", "yamux", "comma-separated: yamux, mplex")
	transport := flags.String("transport", "tcp", "comma-separated: tcp, ws, quic-v1, webtransport, webrtc-direct")
	psk := flags.String("psk", "", "file with the key of a private network")
	if err := flags.Parse(args); err != nil {
		return hostSettings{}, err
	}
	return hostSettings{
		listen:     listen,
		keyType:    *key,
		security:   strings.Split(*security, ","),
		muxers:     strings.Split(*muxer, ","),
		transports: strings.Split(*transport, ","),
		pskFile:    *psk,
	}, nil
}

func run(settings hostSettings) error {
	h, err := newHost(settings)
	if err != nil {
		return err
	}
	defer h.Close()
	board, err := newBoard(h)
	if err != nil {
		return err
	}
	installHandlers(h)
	if err := listenAll(h, settings.listen); err != nil {
		return err
	}
	p := &peerProgram{host: h, board: board, settings: settings}
	out := &output{w: bufio.NewWriter(os.Stdout)}
	out.send(map[string]any{
		"event":          "listening",
		"peer_id":        h.ID().String(),
		"addresses":      dialableAddresses(h),
		"implementation": "go-libp2p " + libraryVersion(),
	})
	return p.serve(os.Stdin, out)
}

// serve answers commands, each in a goroutine of its own, until quit or the end of stdin.
func (p *peerProgram) serve(in *os.File, out *output) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), maxLineBytes)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		var r request
		decoder := json.NewDecoder(strings.NewReader(lines.Text()))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&r); err != nil {
			out.send(failure(r.ID, fmt.Errorf("%w: %w", errBadCommand, err)))
			continue
		}
		if r.Cmd == "quit" {
			out.send(map[string]any{"id": r.ID, "ok": true})
			return nil
		}
		go func() { out.send(p.answer(&r)) }()
	}
	return lines.Err()
}

func (p *peerProgram) answer(r *request) map[string]any {
	command, known := commands[r.Cmd]
	if !known {
		return failure(r.ID, fmt.Errorf("%w: no command %q", errBadCommand, r.Cmd))
	}
	timeout := defaultTimeout
	if r.TimeoutMs > 0 {
		timeout = milliseconds(r.TimeoutMs)
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	result, err := command(p, ctx, r)
	if err != nil {
		return failure(r.ID, err)
	}
	result["id"] = r.ID
	result["ok"] = true
	return result
}

func libraryVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dependency := range info.Deps {
			if dependency.Path == "github.com/libp2p/go-libp2p" {
				return dependency.Version
			}
		}
	}
	return "unknown"
}
