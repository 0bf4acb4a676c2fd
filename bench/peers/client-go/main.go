// Command client-go is client-go's part of the comparison; the bench command builds and starts it.
//
//	client-go generate   turns JSON pods on standard input into the protobuf messages that Go writes
//	client-go measure    measures one informer against the bench's server and prints one sample as JSON
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "client-go:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) == 0 {
		return fmt.Errorf("say generate or measure")
	}
	switch arguments[0] {
	case "generate":
		return generate(os.Stdin, os.Stdout)
	case "measure":
		sample, err := measure(parse(arguments[1:]))
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(sample)
	default:
		return fmt.Errorf("no such command: %s", arguments[0])
	}
}
