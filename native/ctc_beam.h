// Prefix beam search for CTC (Graves 2006; Hannun et al. 2014), frame by frame.
//
// The hypotheses are prefixes: texts without blanks. Of each, the search knows the probability that the frames so far
// spell it and end in a blank, and that they end in its last symbol; a frame keeps the `beam` best by
//
//     log P(prefix | frames) + bonus(prefix)
//
// where the bonus is a sum over its symbols: of a language model's scores, given from outside, and of words. A prefix
// can be reached from itself and from its parent only, so an extension merges with an entry of the beam or with nothing.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <utility>
#include <vector>

// Words as a tree, of the words' symbols from the root. `bonus` of a word is given to a text for each time it contains
// it: d/n of it, the most of all words below, after d of its n symbols, and taken back if another word comes of it.
class WordTree {
   public:
    // word i consists of lengths[i] > 0 of the symbols, one word after the other
    WordTree(int64_t words, const int32_t* symbols, const int64_t* lengths, const double* bonuses, bool closed, double unknown,
             int32_t separator);

    static constexpr int32_t kRoot = 0, kOutside = -1;
    // From a place in a word to the next by a symbol, adding to the bonus.
    int32_t next(int32_t place, int32_t symbol, double& bonus) const;
    double end(int32_t place) const;  // the bonus when the word ends here
    double most(int32_t place) const { return place == kOutside ? 0 : most_[place]; }  // what a symbol can add here

   private:
    int32_t child(int32_t place, int32_t symbol) const;

    const bool closed_;      // other words cost `unknown`
    const double unknown_;
    const int32_t separator_;
    std::vector<int32_t> first_, symbol_;  // children of a place are adjacent, in order of their symbols
    std::vector<double> partial_, full_, most_;
    std::vector<char> ends_;
};

struct CtcOptions {
    int64_t classes, blank, beam;
    int64_t symbols;          // so many of a frame's symbols may extend a prefix
    double margin;            // prefixes worse than the best by more are dropped
    bool scored;              // a language model gives scores
};

struct CtcPiece {
    int32_t symbol, begin, end;  // frames
    float confidence;            // mean probability of the symbol in them
};
struct CtcResult {
    double score, log_probability;
    std::vector<CtcPiece> pieces;
};

class CtcBeam {
   public:
    CtcBeam(const CtcOptions& options, const WordTree* words);

    // One frame of logits; false if they have no softmax (NaN, +∞, all −∞), which leaves the beam unchanged.
    bool advance(const float* logits);
    // Of all frames; the index of the first that has no softmax, else −1.
    int64_t feed(const float* logits, int64_t frames, int64_t stride);

    // Prefixes that entered the beam with the last frame, whose language model row is to be computed: from the state in
    // row `from`, after `symbol`, into row `to`. All rows `from` are read before any `to` is written.
    struct Fresh {
        int64_t to, from, symbol;
    };
    const std::vector<Fresh>& fresh() const { return fresh_; }
    // The scores (fresh, C) of every class, added when it extends that prefix.
    void set_scores(const float* scores);

    // The n best texts; `ended`: with the bonus of a word that ends here.
    std::vector<CtcResult> best(int64_t n, bool ended) const;
    int64_t settled() const;  // symbols that all prefixes begin with
    int64_t frames() const { return time_; }

   private:
    struct Node {  // of the tree of prefixes; a parent comes before its children
        int32_t parent, symbol, depth, child, sibling, entry;
    };
    struct Record {  // a symbol in an alignment, after those of `before`; which comes before it
        int32_t before, symbol, begin, end;
        float sum;
    };
    struct Path {  // the best alignment
        double log_probability;
        int32_t record;
    };
    struct Entry {
        int32_t node, word, row;
        double blank, symbol;  // log-probabilities of ending in either
        double bonus;
        Path path_blank, path_symbol;
    };
    struct Candidate {
        double score;
        int32_t entry, symbol;  // −1: the entry itself
        int32_t serial;
    };

    static bool better(const Candidate& a, const Candidate& b) {
        return a.score > b.score || (a.score == b.score && a.serial < b.serial);
    }
    bool softmax(const float* logits);
    void sort_symbols();
    void stay();
    void search();
    void offer(double score, int32_t entry, int32_t symbol);
    double bonus_of(const Entry& one, int32_t symbol, int32_t& word) const;
    void replace();
    Entry extended(const Candidate& chosen);
    void give_rows();
    int32_t record(const Path& before, int32_t symbol);
    int32_t child(int32_t node, int32_t symbol);
    void tidy();
    int32_t last(const Entry& one) const { return nodes_[one.node].symbol; }

    const CtcOptions options_;
    const WordTree* const words_;
    int32_t time_ = 0;
    size_t many_ = 4096;  // nodes or records: time to tidy
    std::vector<Node> nodes_;
    std::vector<Record> records_;
    std::vector<Entry> entries_, stayed_, next_;
    std::vector<double> totals_, log_y_;
    std::vector<std::pair<double, int32_t>> order_;  // log-probability and symbol, the best first
    std::vector<int32_t> first_child_, next_child_;  // of entries, among the entries
    std::vector<uint32_t> marks_;                    // of symbols
    uint32_t mark_ = 0;
    std::vector<Candidate> heap_;
    int32_t serial_ = 0;
    std::vector<float> rows_, most_;  // scores of every row, and the largest
    std::vector<Fresh> fresh_;
};
