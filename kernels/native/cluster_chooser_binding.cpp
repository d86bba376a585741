#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include <pybind11/pybind11.h>

#include "cluster_chooser.hpp"
#include "owned_array.hpp"

namespace curate {
namespace {

namespace py = pybind11;

template <class Value>
using Column = py::array_t<Value, py::array::c_style>;

// Columns in the order of the fields of Choice.
py::tuple columns_of(const std::vector<Choice>& choices) {
    std::vector<uint64_t> document, representative;
    std::vector<int64_t> copy, members, content;
    std::vector<double> similarity;
    std::vector<uint8_t> chained;
    for (const Choice& choice : choices) {
        document.push_back(choice.document);
        representative.push_back(choice.representative);
        copy.push_back(choice.copy);
        members.push_back(choice.members);
        content.push_back(choice.content);
        similarity.push_back(choice.similarity);
        chained.push_back(choice.chained);
    }
    return py::make_tuple(owned_array(std::move(document)), owned_array(std::move(representative)),
                          owned_array(std::move(copy)), owned_array(std::move(members)),
                          owned_array(std::move(content)), owned_array(std::move(similarity)),
                          owned_array(std::move(chained)));
}

py::tuple take(ClusterChooser& chooser, const Column<uint8_t>& starts,
               const Column<uint64_t>& document, const Column<uint64_t>& other,
               const Column<double>& similarity, const Column<int64_t>& content) {
    const py::ssize_t rows = starts.size();
    if (document.size() != rows || other.size() != rows || similarity.size() != rows ||
        content.size() != rows) {
        throw std::invalid_argument("columns of different lengths");
    }
    const uint8_t* start = starts.data();
    const uint64_t* documents = document.data();
    const uint64_t* others = other.data();
    const double* similarities = similarity.data();
    const int64_t* contents = content.data();
    std::vector<Choice> choices;
    {
        py::gil_scoped_release release;
        for (py::ssize_t row = 0; row < rows; ++row) {
            chooser.take({documents[row], others[row], similarities[row], contents[row],
                          start[row] != 0},
                         choices);
        }
    }
    return columns_of(choices);
}

py::tuple finish(ClusterChooser& chooser) {
    std::vector<Choice> choices;
    chooser.finish(choices);
    return columns_of(choices);
}

}  // namespace

void bind_cluster_chooser(py::module_& module) {
    py::class_<ClusterChooser>(module, "ClusterChooser")
        .def(py::init<bool>())
        .def("take", &take)
        .def("finish", &finish);
}

}  // namespace curate
