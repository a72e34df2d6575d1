// Evaluates PromQL by Prometheus's own engine.
//
// Input: JSON lines, each {"expr": text, "series": [{"labels": {...}, "values": [...]}]}, the
// metric's name as the label __name__, a value for every minute from the first on, null where there
// was none. Output: a line each, {"series": [{"labels": {...}, "minutes": [...]}]}: what the
// expression yields, and in which minutes.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

type given struct {
	Labels map[string]string `json:"labels"`
	Values []*float64        `json:"values"`
}

type question struct {
	Expr   string  `json:"expr"`
	Series []given `json:"series"`
}

type yielded struct {
	Labels  map[string]string `json:"labels"`
	Minutes []int64           `json:"minutes"`
}

type answer struct {
	Series []yielded `json:"series"`
}

// point is one value of a series.
type point struct {
	at    int64
	value float64
}

func (p point) T() int64                      { return p.at }
func (p point) F() float64                    { return p.value }
func (p point) H() *histogram.Histogram       { return nil }
func (p point) FH() *histogram.FloatHistogram { return nil }
func (p point) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (p point) Copy() chunks.Sample           { return p }

// memory is a storage that holds what a question gives.
type memory []given

func (m memory) Querier(int64, int64) (storage.Querier, error) { return querier{m}, nil }

type querier struct{ held memory }

func (q querier) Select(_ context.Context, _ bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	var found []storage.Series
	for _, item := range q.held {
		set := labels.FromMap(item.Labels)
		if !matches(set, matchers) {
			continue
		}
		var points []chunks.Sample
		for minute, value := range item.Values {
			if at := int64(minute) * 60_000; value != nil && at >= hints.Start && at <= hints.End {
				points = append(points, point{at, *value})
			}
		}
		found = append(found, storage.NewListSeries(set, points))
	}
	return &series{found, -1}
}

func (querier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (querier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (querier) Close() error { return nil }

type series struct {
	found []storage.Series
	at    int
}

func (s *series) Next() bool                        { s.at++; return s.at < len(s.found) }
func (s *series) At() storage.Series                { return s.found[s.at] }
func (s *series) Err() error                        { return nil }
func (s *series) Warnings() annotations.Annotations { return nil }

func matches(set labels.Labels, matchers []*labels.Matcher) bool {
	for _, matcher := range matchers {
		if !matcher.Matches(set.Get(matcher.Name)) {
			return false
		}
	}
	return true
}

func evaluate(engine *promql.Engine, asked question) (answer, error) {
	minutes := 0
	for _, item := range asked.Series {
		minutes = max(minutes, len(item.Values))
	}
	end := time.UnixMilli(int64(minutes-1) * 60_000)
	query, err := engine.NewRangeQuery(
		context.Background(), memory(asked.Series), nil, asked.Expr, time.UnixMilli(0), end, time.Minute,
	)
	if err != nil {
		return answer{}, err
	}
	defer query.Close()
	result := query.Exec(context.Background())
	matrix, err := result.Matrix()
	if err != nil {
		return answer{}, err
	}
	said := answer{Series: []yielded{}}
	for _, item := range matrix {
		one := yielded{Labels: item.Metric.Map()}
		for _, float := range item.Floats {
			one.Minutes = append(one.Minutes, float.T/60_000)
		}
		said.Series = append(said.Series, one)
	}
	return said, nil
}

func main() {
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 10_000_000, Timeout: time.Minute, EnableAtModifier: true})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	encoder := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var asked question
		err := json.Unmarshal(lines.Bytes(), &asked)
		if err != nil {
			fail(err)
		}
		said, err := evaluate(engine, asked)
		if err != nil {
			fail(fmt.Errorf("%s: %w", asked.Expr, err))
		}
		if err := encoder.Encode(said); err != nil {
			fail(err)
		}
	}
	if err := lines.Err(); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
