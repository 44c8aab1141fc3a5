#include "awkward-cpp/include/words.h"
#include "awkward-cpp/src/main.rs.h"

#include <sstream>
#include <stdexcept>

void Words::add(rust::Str text) {
    std::istringstream stream{std::string(text)};
    for (std::string word; stream >> word;) {
        ++counts[word];
    }
}

std::size_t Words::count(const std::string &word) const {
    return counts.at(word);
}

std::unique_ptr<std::string> Words::most_frequent() const {
    if (counts.empty()) {
        throw std::runtime_error("no words");
    }
    auto best = counts.begin();
    for (auto it = counts.begin(); it != counts.end(); ++it) {
        if (it->second > best->second) {
            best = it;
        }
    }
    return std::make_unique<std::string>(best->first);
}

std::unique_ptr<Words> new_words() {
    return std::make_unique<Words>();
}

std::size_t visit(rust::Fn<bool(rust::Str)> visitor, rust::Vec<rust::String> texts) {
    std::size_t accepted = 0;
    for (const auto &text : texts) {
        accepted += visitor(rust::Str(text)) ? 1 : 0;
    }
    return accepted;
}
