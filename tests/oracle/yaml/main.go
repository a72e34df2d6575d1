// Prints what kubectl would send for YAML texts.
//
// Input: JSON lines, each an object with "text". Output: the same lines with "json" (the JSON that
// sigs.k8s.io/yaml makes of the text, as a string) or "error".
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"sigs.k8s.io/yaml"
)

type answer struct {
	Text  string  `json:"text"`
	JSON  *string `json:"json,omitempty"`
	Error string  `json:"error,omitempty"`
}

func convert(text string) (result answer) {
	result.Text = text
	defer func() {
		if fault := recover(); fault != nil {
			result.Error = fmt.Sprint("panic: ", fault)
		}
	}()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		result.Error = err.Error()
		return result
	}
	converted := string(data)
	result.JSON = &converted
	return result
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for lines.Scan() {
		var question answer
		if err := json.Unmarshal(lines.Bytes(), &question); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := encoder.Encode(convert(question.Text)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
