package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	corev1 "k8s.io/api/core/v1"
)

// generate reads pods as JSON and writes them as protobuf messages, each after its length in four bytes, big
// end first. It counts, on standard error, the pods whose JSON is not byte for byte what Go writes.
func generate(input io.Reader, output io.Writer) error {
	reader, writer := bufio.NewReaderSize(input, 1<<20), bufio.NewWriterSize(output, 1<<20)
	different := 0
	for {
		text, err := readFrame(reader)
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		pod := &corev1.Pod{}
		if err := json.Unmarshal(text, pod); err != nil {
			return fmt.Errorf("not a pod: %w", err)
		}
		again, err := json.Marshal(pod)
		if err != nil {
			return err
		}
		if !bytes.Equal(again, text) {
			if different == 0 {
				fmt.Fprintf(os.Stderr, "given   %s\nwritten %s\n", text, again)
			}
			different++
		}
		message, err := pod.Marshal()
		if err != nil {
			return err
		}
		if err := binary.Write(writer, binary.BigEndian, uint32(len(message))); err != nil {
			return err
		}
		if _, err := writer.Write(message); err != nil {
			return err
		}
	}
	if different > 0 {
		fmt.Fprintf(os.Stderr, "%d pods are not as Go writes them\n", different)
	}
	return writer.Flush()
}

func readFrame(reader io.Reader) ([]byte, error) {
	var length uint32
	if err := binary.Read(reader, binary.BigEndian, &length); err != nil {
		return nil, err
	}
	frame := make([]byte, length)
	_, err := io.ReadFull(reader, frame)
	return frame, err
}
