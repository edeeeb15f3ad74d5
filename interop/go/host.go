package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p"
	mplex "github.com/libp2p/go-libp2p-mplex"
	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/pnet"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/net/upgrader"
	"github.com/libp2p/go-libp2p/p2p/security/insecure"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	quic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	webrtc "github.com/libp2p/go-libp2p/p2p/transport/webrtc"
	"github.com/libp2p/go-libp2p/p2p/transport/websocket"
	webtransport "github.com/libp2p/go-libp2p/p2p/transport/webtransport"
	ma "github.com/multiformats/go-multiaddr"
)

const (
	yamuxWindowBytes  = 4 << 20
	yamuxMessageBytes = 256 << 10 // a 64 KiB frame and its header just miss one Noise message
	acceptQueueLength = 1024
	rsaBits           = 2048
	dialTimeout       = 10 * time.Second
)

// hostSettings is what the command line says.
type hostSettings struct {
	listen     []string
	keyType    string
	security   []string
	muxers     []string
	transports []string
	pskFile    string
}

// newHost makes a host that listens nowhere yet.
func newHost(settings hostSettings) (host.Host, error) {
	upgrader.AcceptQueueLength = acceptQueueLength
	key, err := newKey(settings.keyType)
	if err != nil {
		return nil, err
	}
	options := []libp2p.Option{
		libp2p.Identity(key),
		libp2p.NoListenAddrs,
		libp2p.UserAgent("interop-go/" + libraryVersion()),
		libp2p.ProtocolVersion("interop/1.0.0"),
		libp2p.ResourceManager(&network.NullResourceManager{}),
		libp2p.ConnectionManager(connmgr.NullConnMgr{}),
		libp2p.DialRanker(swarm.NoDelayDialRanker),
		libp2p.WithDialTimeout(dialTimeout),
		libp2p.Ping(false), // its handler ends each stream after 30 seconds
		libp2p.DisableRelay(),
		libp2p.DisableMetrics(),
		libp2p.DisableIdentifyAddressDiscovery(),
		libp2p.ForceReachabilityPrivate(),
	}
	for name, choose := range map[string]func() ([]libp2p.Option, error){
		"security":  func() ([]libp2p.Option, error) { return pick(settings.security, securities) },
		"muxer":     func() ([]libp2p.Option, error) { return pick(settings.muxers, muxers()) },
		"transport": func() ([]libp2p.Option, error) { return pick(settings.transports, transports) },
	} {
		chosen, err := choose()
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", name, err)
		}
		options = append(options, chosen...)
	}
	if settings.pskFile != "" {
		psk, err := readPSK(settings.pskFile)
		if err != nil {
			return nil, err
		}
		options = append(options, libp2p.PrivateNetwork(psk))
	}
	return libp2p.New(options...)
}

var securities = map[string]libp2p.Option{
	"noise":     libp2p.Security(noise.ID, noise.New),
	"tls":       libp2p.Security(libp2ptls.ID, libp2ptls.New),
	"plaintext": libp2p.Security(insecure.ID, insecure.NewWithIdentity),
}

var transports = map[string]libp2p.Option{
	// With port reuse a second server would silently bind the same port.
	"tcp":           libp2p.Transport(tcp.NewTCPTransport, tcp.DisableReuseport()),
	"ws":            libp2p.Transport(websocket.New),
	"quic-v1":       libp2p.Transport(quic.NewTransport),
	"webtransport":  libp2p.Transport(webtransport.New),
	"webrtc-direct": libp2p.Transport(webrtc.New),
}

func muxers() map[string]libp2p.Option {
	config := *yamux.DefaultTransport
	config.MaxStreamWindowSize = yamuxWindowBytes
	config.MaxMessageSize = yamuxMessageBytes
	return map[string]libp2p.Option{
		"yamux": libp2p.Muxer(yamux.ID, &config),
		"mplex": libp2p.Muxer(mplex.ID, mplex.DefaultTransport),
	}
}

func pick(names []string, known map[string]libp2p.Option) ([]libp2p.Option, error) {
	var chosen []libp2p.Option
	for _, name := range names {
		option, ok := known[name]
		if !ok {
			return nil, fmt.Errorf("unknown name %q", name)
		}
		chosen = append(chosen, option)
	}
	return chosen, nil
}

func newKey(keyType string) (crypto.PrivKey, error) {
	types := map[string]int{
		"ed25519": crypto.Ed25519, "secp256k1": crypto.Secp256k1, "ecdsa": crypto.ECDSA, "rsa": crypto.RSA,
	}
	number, ok := types[keyType]
	if !ok {
		return nil, fmt.Errorf("--key: unknown type %q", keyType)
	}
	private, _, err := crypto.GenerateKeyPairWithReader(number, rsaBits, rand.Reader)
	return private, err
}

func readPSK(path string) (pnet.PSK, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return pnet.DecodeV1PSK(file)
}

func listenAll(h host.Host, addresses []string) error {
	for _, text := range addresses {
		address, err := ma.NewMultiaddr(text)
		if err != nil {
			return fmt.Errorf("--listen %s: %w", text, err)
		}
		if err := h.Network().Listen(address); err != nil {
			return fmt.Errorf("--listen %s: %w", text, err)
		}
	}
	return nil
}

// dialableAddresses lists the listen addresses, sorted, wildcards expanded, each ending in /p2p/<own id>.
func dialableAddresses(h host.Host) []string {
	addresses, err := h.Network().InterfaceListenAddresses()
	if err != nil {
		addresses = h.Network().ListenAddresses()
	}
	texts := []string{}
	for _, address := range addresses {
		texts = append(texts, fmt.Sprintf("%s/p2p/%s", address, h.ID()))
	}
	slices.Sort(texts)
	return texts
}
