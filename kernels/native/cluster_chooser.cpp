#include "cluster_chooser.hpp"

#include <limits>

namespace curate {

void ClusterChooser::take(const Resemblance& row, std::vector<Choice>& choices) {
    if (row.starts) finish(choices);
    if (open_ && row.document != document_) close_document(choices);
    if (!open_) {
        open_ = true;
        document_ = row.document;
        content_ = row.content;
        resembles_ = found_ = false;
        similarity_ = std::numeric_limits<double>::quiet_NaN();
    }
    if (row.other == row.document) return;
    resembles_ = true;
    const auto place = place_.find(row.other);
    if (place == place_.end()) return;
    const bool better = !found_ || row.similarity > similarity_ ||
                        (row.similarity == similarity_ && place->second < best_);
    if (better) {
        best_ = place->second;
        similarity_ = row.similarity;
    }
    found_ = true;
}

void ClusterChooser::close_document(std::vector<Choice>& choices) {
    open_ = false;
    const bool stays = (document_ & kIndexBit) != 0 || (verified_ ? !found_ : kept_.empty());
    if (stays) {
        place_.emplace(document_, kept_.size());
        kept_.push_back({document_, content_, 0, resembles_});
        return;
    }
    Kept& kept = kept_[found_ ? best_ : 0];
    kept.copies += 1;
    choices.push_back({document_, kept.document, kept.copies, 0, 0, similarity_, false});
}

void ClusterChooser::finish(std::vector<Choice>& choices) {
    if (open_) close_document(choices);
    for (const Kept& kept : kept_) {
        if (kept.copies == 0 && !kept.chained) continue;
        choices.push_back({kept.document, kept.document, 0, kept.copies + 1, kept.content,
                           std::numeric_limits<double>::quiet_NaN(), kept.chained});
    }
    kept_.clear();
    place_.clear();
}

}  // namespace curate
