// The tree of words of ctc_beam.h.
#include <algorithm>
#include <numeric>

#include "ctc_beam.h"

WordTree::WordTree(int64_t words, const int32_t* symbols, const int64_t* lengths, const double* bonuses, bool closed,
                   double unknown, int32_t separator)
    : closed_(closed), unknown_(unknown), separator_(separator) {
    std::vector<const int32_t*> begin(words);
    for (int64_t i = 0; i < words; i++) begin[i] = symbols, symbols += lengths[i];
    std::vector<int64_t> order(words);
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        return std::lexicographical_compare(begin[a], begin[a] + lengths[a], begin[b], begin[b] + lengths[b]);
    });
    struct Range {
        int64_t from, to, depth;  // words of `order` with the same first `depth` symbols
    };
    std::vector<Range> places{{0, words, 0}};
    symbol_.push_back(-1);
    for (size_t place = 0; place < places.size(); place++) {  // breadth first: children are adjacent
        Range here = places[place];
        double partial = 0, full = 0;
        for (int64_t i = here.from; i < here.to; i++)
            partial = std::max(partial, bonuses[order[i]] * double(here.depth) / double(lengths[order[i]]));
        const int64_t from = here.from;
        while (here.from < here.to && lengths[order[here.from]] == here.depth)  // the shortest come first
            full = std::max(full, bonuses[order[here.from++]]);
        ends_.push_back(here.from > from);
        partial_.push_back(partial), full_.push_back(full), first_.push_back(int32_t(places.size()));
        for (int64_t i = here.from; i < here.to;) {
            const int32_t symbol = begin[order[i]][here.depth];
            int64_t j = i;
            while (j < here.to && begin[order[j]][here.depth] == symbol) j++;
            places.push_back({i, j, here.depth + 1}), symbol_.push_back(symbol);
            i = j;
        }
    }
    first_.push_back(int32_t(places.size()));
    for (size_t place = 0; place < places.size(); place++) {
        double most = full_[place];  // by the separator; any other symbol takes the partial bonus back
        for (int32_t i = first_[place]; i < first_[place + 1]; i++) most = std::max(most, partial_[i]);
        most_.push_back(most - partial_[place]);
    }
}

int32_t WordTree::child(int32_t place, int32_t symbol) const {
    const auto from = symbol_.begin() + first_[place], to = symbol_.begin() + first_[place + 1];
    const auto found = std::lower_bound(from, to, symbol);
    return found != to && *found == symbol ? int32_t(found - symbol_.begin()) : kOutside;
}

int32_t WordTree::next(int32_t place, int32_t symbol, double& bonus) const {
    if (symbol == separator_) {
        bonus += end(place);
        return kRoot;
    }
    if (place == kOutside) return kOutside;
    const int32_t to = child(place, symbol);
    bonus += (to == kOutside ? (closed_ ? unknown_ : 0) : partial_[to]) - partial_[place];
    return to;
}

double WordTree::end(int32_t place) const {
    if (place == kOutside || place == kRoot) return 0;
    return full_[place] - partial_[place] + (closed_ && !ends_[place] ? unknown_ : 0);
}
