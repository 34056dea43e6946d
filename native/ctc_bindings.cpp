// The Python bindings of prefix beam search. They take addresses of checked arrays: decoding/ctc_beam.py.
#include <nanobind/nanobind.h>
#include <nanobind/stl/vector.h>

#include <vector>

#include "ctc_beam.h"
#include "team.h"

namespace nb = nanobind;

namespace {

template <class T>
const T* at(uintptr_t address) {
    return reinterpret_cast<const T*>(address);
}

// [(score, log-probability, [(symbol, begin, end, confidence), …]), …]
nb::list best(const CtcBeam& beam, int64_t n, bool ended) {
    nb::list found;
    for (const CtcResult& one : beam.best(n, ended)) {
        nb::list pieces;
        for (const CtcPiece& piece : one.pieces)
            pieces.append(nb::make_tuple(piece.symbol, piece.begin, piece.end, piece.confidence));
        found.append(nb::make_tuple(one.score, one.log_probability, pieces));
    }
    return found;
}

// Feed every beam its example; the first frame of each that has no softmax, else −1.
std::vector<int64_t> feed(std::vector<CtcBeam*> beams, uintptr_t logits, uintptr_t lengths, int64_t frame, int64_t example,
                          int threads) {
    const int64_t count = int64_t(beams.size());
    std::vector<int64_t> bad(count, -1);
    nb::gil_scoped_release release;
    double work = 0;
    for (int64_t b = 0; b < count; b++) work += 1e4 * double(at<int64_t>(lengths)[b]);
    run_team(Calls::ctc_beam, work, threads, [&](Team& team, int id, Turn&) {
        each_part(count, team, id, [&](int b) {
            bad[b] = beams[b]->feed(at<float>(logits) + b * example, at<int64_t>(lengths)[b], frame);
        });
    });
    return bad;
}

}  // namespace

void bind_ctc(nb::module_& m) {
    nb::class_<WordTree>(m, "WordTree")
        .def("__init__", [](WordTree* made, int64_t words, uintptr_t symbols, uintptr_t lengths, uintptr_t bonuses, bool closed,
                            double unknown, int32_t separator) {
            new (made) WordTree(words, at<int32_t>(symbols), at<int64_t>(lengths), at<double>(bonuses), closed, unknown, separator);
        });
    nb::class_<CtcBeam>(m, "CtcBeam")
        .def("__init__",
             [](CtcBeam* made, int64_t classes, int64_t blank, int64_t beam, int64_t symbols, double margin, bool scored,
                const WordTree* words) {
                 if (classes < 1 || blank < 0 || blank >= classes || beam < 1 || symbols < 1)
                     throw nb::value_error("classes, beam and symbols must be at least 1, and the blank a class");
                 new (made) CtcBeam({classes, blank, beam, symbols, margin, scored}, words);
             },
             nb::arg("classes"), nb::arg("blank"), nb::arg("beam"), nb::arg("symbols"), nb::arg("margin"), nb::arg("scored"),
             nb::arg("words").none(), nb::keep_alive<1, 8>())
        .def("advance", [](CtcBeam& beam, uintptr_t logits) { return beam.advance(at<float>(logits)); })
        .def("fresh", [](const CtcBeam& beam) {  // [(to, from, symbol), …]
            nb::list found;
            for (const CtcBeam::Fresh& one : beam.fresh()) found.append(nb::make_tuple(one.to, one.from, one.symbol));
            return found;
        })
        .def("set_scores", [](CtcBeam& beam, uintptr_t scores) { beam.set_scores(at<float>(scores)); })
        .def("best", &best, nb::arg("n"), nb::arg("ended"))
        .def("settled", &CtcBeam::settled)
        .def_prop_ro("frames", &CtcBeam::frames);
    m.def("ctc_feed", &feed, nb::arg("beams"), nb::arg("logits"), nb::arg("lengths"), nb::arg("frame"), nb::arg("example"),
          nb::arg("threads"));
}
