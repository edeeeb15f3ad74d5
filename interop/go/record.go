package main

import (
	"fmt"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/record"
)

// describeRecord adds what a signed peer record says; its signature and owner were checked by identify.
func describeRecord(envelope *record.Envelope, result map[string]any) error {
	content, err := envelope.Record()
	if err != nil {
		return err
	}
	peerRecord, ok := content.(*peer.PeerRecord)
	if !ok {
		return fmt.Errorf("a signed record that is no peer record: %T", content)
	}
	result["record_sequence"] = peerRecord.Seq
	result["record_addresses"] = addressTexts(peerRecord.Addrs)
	return nil
}
