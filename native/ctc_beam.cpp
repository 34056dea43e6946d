// Prefix beam search; see ctc_beam.h.
#include "ctc_beam.h"

#include <math.h>

#include <algorithm>
#include <limits>

namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

double log_add(double a, double b) {
    if (a < b) std::swap(a, b);
    return b == kNever ? a : a + log1p(exp(b - a));
}

}  // namespace

CtcBeam::CtcBeam(const CtcOptions& options, const WordTree* words) : options_(options), words_(words) {
    nodes_.push_back({-1, -1, 0, -1, -1, 0});
    entries_.push_back({0, WordTree::kRoot, 0, 0.0, kNever, 0.0, {0.0, -1}, {kNever, -1}});
    log_y_.resize(options.classes);
    marks_.resize(options.classes);
    if (options.scored) {
        rows_.resize(options.beam * options.classes);
        most_.resize(options.beam);
        fresh_.push_back({0, -1, -1});
    }
}

int64_t CtcBeam::feed(const float* logits, int64_t frames, int64_t stride) {
    for (int64_t t = 0; t < frames; t++)
        if (!advance(logits + t * stride)) return t;
    return -1;
}

bool CtcBeam::advance(const float* logits) {
    if (!softmax(logits)) return false;
    sort_symbols();
    stay();
    search();
    replace();
    time_++;
    if (nodes_.size() > many_ || records_.size() > many_) tidy();
    return true;
}

bool CtcBeam::softmax(const float* logits) {
    const int64_t C = options_.classes;
    float most = -INFINITY;
    for (int64_t k = 0; k < C; k++) most = logits[k] > most ? logits[k] : most;
    double sum = 0;
    for (int64_t k = 0; k < C; k++) sum += expf(logits[k] - most);
    const double log_sum = most + log(sum);
    if (!(fabs(log_sum) < INFINITY)) return false;
    for (int64_t k = 0; k < C; k++) log_y_[k] = logits[k] - log_sum;
    return true;
}

// The symbols that may extend a prefix. Without bonuses only so many can matter: at most `beam` of a prefix's extensions
// are chosen, at most `beam` are entries already, and the repeated symbol is out of order.
void CtcBeam::sort_symbols() {
    order_.clear();
    for (int64_t k = 0; k < options_.classes; k++)
        if (k != options_.blank && log_y_[k] > kNever) order_.push_back({log_y_[k], int32_t(k)});
    int64_t count = std::min(int64_t(order_.size()), options_.symbols);
    if (!words_ && !options_.scored) count = std::min(count, 2 * options_.beam + 1);
    std::partial_sort(order_.begin(), order_.begin() + count, order_.end(), [](const auto& a, const auto& b) {
        return a.first > b.first || (a.first == b.first && a.second < b.second);
    });
    order_.resize(count);
}

// The entries after this frame if they stay what they are, and the parents that the beam also contains.
void CtcBeam::stay() {
    const size_t n = entries_.size();
    const double blank = log_y_[options_.blank];
    totals_.resize(n), first_child_.assign(n, -1), next_child_.assign(n, -1);
    stayed_ = entries_;
    for (size_t i = 0; i < n; i++) {
        const Entry& from = entries_[i];
        Entry& to = stayed_[i];
        totals_[i] = log_add(from.blank, from.symbol);
        to.blank = totals_[i] + blank;
        to.path_blank = from.path_blank.log_probability >= from.path_symbol.log_probability ? from.path_blank : from.path_symbol;
        to.path_blank.log_probability += blank;
        if (last(from) < 0) continue;
        const double y = log_y_[last(from)];
        to.symbol = from.symbol + y;
        to.path_symbol.log_probability += y;  // its record follows, once nothing better comes from the parent
    }
    for (size_t j = 0; j < n; j++) {
        Entry& to = stayed_[j];
        const int32_t parent = nodes_[to.node].parent, symbol = last(to);
        if (parent < 0) continue;
        const int32_t i = nodes_[parent].entry;
        Path best{kNever, -1};
        if (i >= 0) {
            const Entry& from = entries_[i];
            const bool repeated = symbol == last(from);
            to.symbol = log_add(to.symbol, (repeated ? from.blank : totals_[i]) + log_y_[symbol]);
            best = from.path_blank;
            if (!repeated && from.path_symbol.log_probability > best.log_probability) best = from.path_symbol;
            best.log_probability += log_y_[symbol];
            next_child_[j] = first_child_[i], first_child_[i] = int32_t(j);
        }
        Path& path = to.path_symbol;
        if (best.log_probability > path.log_probability) {
            path = {best.log_probability, record(best, symbol)};
        } else if (path.record >= 0) {
            Record longer = records_[path.record];
            longer.end = time_ + 1, longer.sum += float(exp(log_y_[symbol]));
            records_.push_back(longer);
            path.record = int32_t(records_.size() - 1);
        }
    }
}

int32_t CtcBeam::record(const Path& before, int32_t symbol) {
    records_.push_back({before.record, symbol, time_, time_ + 1, float(exp(log_y_[symbol]))});
    return int32_t(records_.size() - 1);
}

double CtcBeam::bonus_of(const Entry& one, int32_t symbol, int32_t& word) const {
    double bonus = options_.scored ? double(rows_[one.row * options_.classes + symbol]) : 0;
    word = words_ ? words_->next(one.word, symbol, bonus) : WordTree::kRoot;
    return bonus;
}

void CtcBeam::offer(double score, int32_t entry, int32_t symbol) {
    if (score == kNever || score != score) return;
    const Candidate one{score, entry, symbol, serial_++};
    if (int64_t(heap_.size()) == options_.beam) {
        if (!better(one, heap_.front())) return;
        std::pop_heap(heap_.begin(), heap_.end(), better);
        heap_.back() = one;
    } else {
        heap_.push_back(one);
    }
    std::push_heap(heap_.begin(), heap_.end(), better);
}

// The best of all entries and their extensions, in the heap, whose front is the worst.
void CtcBeam::search() {
    heap_.clear(), serial_ = 0;
    const int32_t n = int32_t(entries_.size());
    for (int32_t i = 0; i < n; i++) offer(log_add(stayed_[i].blank, stayed_[i].symbol) + stayed_[i].bonus, i, -1);
    for (int32_t i = 0; i < n; i++) {
        const Entry& from = entries_[i];
        if (++mark_ == 0) std::fill(marks_.begin(), marks_.end(), 0), mark_ = 1;
        for (int32_t j = first_child_[i]; j >= 0; j = next_child_[j]) marks_[last(entries_[j])] = mark_;
        const double most = totals_[i] + from.bonus + (words_ ? words_->most(from.word) : 0) + (options_.scored ? most_[from.row] : 0);
        for (const auto& [y, symbol] : order_) {
            if (int64_t(heap_.size()) == options_.beam && most + y <= heap_.front().score) break;
            if (marks_[symbol] == mark_) continue;
            int32_t word;
            const double before = symbol == last(from) ? from.blank : totals_[i];
            offer(before + y + from.bonus + bonus_of(from, symbol, word), i, symbol);
        }
    }
}

// The chosen candidates become the entries, the best first.
void CtcBeam::replace() {
    std::sort_heap(heap_.begin(), heap_.end(), better);
    const double least = heap_.empty() ? 0 : heap_.front().score - options_.margin;
    next_.clear(), fresh_.clear();
    for (const Entry& one : entries_) nodes_[one.node].entry = -1;
    for (const Candidate& chosen : heap_)
        if (chosen.score >= least) next_.push_back(chosen.symbol < 0 ? stayed_[chosen.entry] : extended(chosen));
    entries_.swap(next_);
    for (size_t i = 0; i < entries_.size(); i++) nodes_[entries_[i].node].entry = int32_t(i);
    if (options_.scored) give_rows();
}

CtcBeam::Entry CtcBeam::extended(const Candidate& chosen) {
    const Entry& from = entries_[chosen.entry];
    const bool repeated = chosen.symbol == last(from);
    const double y = log_y_[chosen.symbol];
    Entry one;
    one.bonus = from.bonus + bonus_of(from, chosen.symbol, one.word);
    one.blank = kNever, one.symbol = (repeated ? from.blank : totals_[chosen.entry]) + y;
    Path best = from.path_blank;
    if (!repeated && from.path_symbol.log_probability > best.log_probability) best = from.path_symbol;
    one.path_blank = {kNever, -1};
    one.path_symbol = {best.log_probability + y, record(best, chosen.symbol)};
    one.node = child(from.node, chosen.symbol);
    one.row = -1 - from.row;  // to be given; computed from that row
    return one;
}

int32_t CtcBeam::child(int32_t node, int32_t symbol) {
    for (int32_t i = nodes_[node].child; i >= 0; i = nodes_[i].sibling)
        if (nodes_[i].symbol == symbol) return i;  // of a prefix that left the beam, whose extensions may be in it
    const int32_t made = int32_t(nodes_.size());
    nodes_.push_back({node, symbol, nodes_[node].depth + 1, -1, nodes_[node].child, -1});
    nodes_[node].child = made;
    return made;
}

void CtcBeam::give_rows() {
    std::vector<char> used(options_.beam, 0);
    for (const Entry& one : entries_)
        if (one.row >= 0) used[one.row] = 1;
    int32_t row = 0;
    for (Entry& one : entries_) {
        if (one.row >= 0) continue;
        while (used[row]) row++;
        fresh_.push_back({row, -1 - one.row, last(one)});
        one.row = row++;
    }
}

void CtcBeam::set_scores(const float* scores) {
    const int64_t C = options_.classes;
    for (const Fresh& one : fresh_) {
        std::copy(scores, scores + C, rows_.begin() + one.to * C);
        float most = -INFINITY;
        for (int64_t k = 0; k < C; k++)
            if (k != options_.blank) most = std::max(most, scores[k]);
        most_[one.to] = most;
        scores += C;
    }
}

// Drop nodes and records that no entry needs; what precedes another one keeps preceding it.
void CtcBeam::tidy() {
    std::vector<int32_t> nodes(nodes_.size(), -1), records(records_.size(), -1);
    for (const Entry& one : entries_) {
        for (int32_t i = one.node; i >= 0 && nodes[i] < 0; i = nodes_[i].parent) nodes[i] = 0;
        for (const Path& path : {one.path_blank, one.path_symbol})
            for (int32_t i = path.record; i >= 0 && records[i] < 0; i = records_[i].before) records[i] = 0;
    }
    auto moved = [](const std::vector<int32_t>& to, int32_t i) { return i < 0 ? -1 : to[i]; };
    int32_t count = 0;
    for (size_t i = 0; i < nodes_.size(); i++) {
        if (nodes[i] < 0) continue;
        Node one = nodes_[i];
        one.parent = moved(nodes, one.parent);
        one.child = -1, one.sibling = -1;
        if (one.parent >= 0) one.sibling = nodes_[one.parent].child, nodes_[one.parent].child = count;
        nodes_[count] = one, nodes[i] = count++;
    }
    nodes_.resize(count);
    const size_t kept = nodes_.size();
    count = 0;
    for (size_t i = 0; i < records_.size(); i++) {
        if (records[i] < 0) continue;
        Record one = records_[i];
        one.before = moved(records, one.before);
        records_[count] = one, records[i] = count++;
    }
    records_.resize(count);
    for (Entry& one : entries_) {
        one.node = nodes[one.node];
        for (Path* path : {&one.path_blank, &one.path_symbol}) path->record = moved(records, path->record);
    }
    many_ = 2 * std::max(kept, records_.size()) + 4096;
}

std::vector<CtcResult> CtcBeam::best(int64_t n, bool ended) const {
    std::vector<std::pair<double, const Entry*>> order;
    for (const Entry& one : entries_) {
        const double end = words_ && ended ? words_->end(one.word) : 0;
        order.push_back({log_add(one.blank, one.symbol) + one.bonus + end, &one});
    }
    std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    order.resize(std::min(int64_t(order.size()), n));
    std::vector<CtcResult> found;
    for (const auto& [score, one] : order) {
        CtcResult result{score, log_add(one->blank, one->symbol), {}};
        const bool blank = one->path_blank.log_probability >= one->path_symbol.log_probability;
        for (int32_t i = (blank ? one->path_blank : one->path_symbol).record; i >= 0; i = records_[i].before) {
            const Record& piece = records_[i];
            result.pieces.push_back({piece.symbol, piece.begin, piece.end, piece.sum / float(piece.end - piece.begin)});
        }
        std::reverse(result.pieces.begin(), result.pieces.end());
        found.push_back(std::move(result));
    }
    return found;
}

int64_t CtcBeam::settled() const {
    int32_t common = entries_.front().node;
    for (const Entry& one : entries_) {
        int32_t node = one.node;
        while (node != common) {
            int32_t& deeper = nodes_[node].depth > nodes_[common].depth ? node : common;
            deeper = nodes_[deeper].parent;
        }
    }
    return nodes_[common].depth;
}
