// go-multistream as it was before 0.5, when it knew simultaneous open. It listens on loopback, prints its port, and
// negotiates on every connection: as one that dialled too, or with "responder" as its argument as a listener. For each
// it prints a JSON line, sends "payload", reads five bytes and prints them.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"

	multistream "github.com/multiformats/go-multistream"
)

type outcome struct {
	Protocol    string `json:"protocol"`
	IsResponder bool   `json:"is_responder"`
	Error       string `json:"error"`
	Heard       string `json:"heard"`
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	isResponder := len(os.Args) > 1 && os.Args[1] == "responder"
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	for {
		connection, err := listener.Accept()
		if err != nil {
			os.Exit(1)
		}
		line, _ := json.Marshal(negotiate(connection, isResponder))
		fmt.Println(string(line))
	}
}

func negotiate(connection net.Conn, isResponder bool) outcome {
	defer connection.Close()
	found := outcome{IsResponder: isResponder}
	var err error
	if isResponder {
		muxer := multistream.NewMultistreamMuxer[string]()
		muxer.AddHandler("/b", nil)
		found.Protocol, _, err = muxer.Negotiate(connection)
	} else {
		found.Protocol, found.IsResponder, err = multistream.SelectWithSimopenOrFail([]string{"/c", "/b"}, connection)
	}
	if err != nil {
		found.Error = err.Error()
		return found
	}
	heard := make([]byte, 5)
	if _, err = connection.Write([]byte("payload")); err == nil {
		_, err = io.ReadFull(connection, heard)
	}
	if err != nil {
		found.Error = err.Error()
	}
	found.Heard = string(heard)
	return found
}
