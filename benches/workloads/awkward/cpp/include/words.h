#pragma once
#include "rust/cxx.h"

#include <map>
#include <memory>
#include <string>

// Counts words; throws where there are none.
class Words {
public:
    void add(rust::Str text);
    std::size_t count(const std::string &word) const;
    std::unique_ptr<std::string> most_frequent() const;

private:
    std::map<std::string, std::size_t> counts;
};

std::unique_ptr<Words> new_words();
std::size_t visit(rust::Fn<bool(rust::Str)> visitor, rust::Vec<rust::String> texts);
