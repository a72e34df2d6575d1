// Command cron is an oracle for reconciler/schedule and for the embedded Flyte's schedulers: it
// answers with the fork of robfig/cron v3 that both Flytes pin (flyteadmin 1.16.8, manager 2.0.43).
//
// It reads one JSON object a line (expression, after, zone, count) and writes the object with its
// answer: next, the firings as seconds since 1970, fewer than count when no more come; or error, the
// refusal of the parser. A parser that panics is a refusal too, since a server answers it with one.
// Zone files come from the directory that the variable ZONEINFO names.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/robfig/cron/v3"
)

type exchange struct {
	Expression string  `json:"expression"`
	After      string  `json:"after"`
	Zone       string  `json:"zone"`
	Count      int     `json:"count"`
	Next       []int64 `json:"next,omitempty"`
	Error      string  `json:"error,omitempty"`
}

func parse(expression string) (schedule cron.Schedule, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v", fault)
		}
	}()
	return cron.ParseStandard(expression)
}

func answer(line *exchange) error {
	line.Next, line.Error = nil, ""
	schedule, err := parse(line.Expression)
	if err != nil {
		line.Error = err.Error()
		return nil
	}
	zone, err := time.LoadLocation(line.Zone)
	if err != nil {
		return err
	}
	moment, err := time.Parse(time.RFC3339Nano, line.After)
	if err != nil {
		return err
	}
	moment = moment.In(zone)
	for len(line.Next) < line.Count {
		moment = schedule.Next(moment)
		if moment.IsZero() {
			break
		}
		line.Next = append(line.Next, moment.Unix())
	}
	return nil
}

func run() error {
	lines := bufio.NewScanner(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for lines.Scan() {
		var line exchange
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return err
		}
		if err := answer(&line); err != nil {
			return err
		}
		if err := encoder.Encode(line); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return out.Flush()
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
