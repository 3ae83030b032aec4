// The options that say which PACS, and how much may come from it: the same for every `pacs` command.
#pragma once

#include <string>
#include <vector>

#include <fovea/io/pacs.h>
#include <fovea/pipeline/job.h>

namespace fovea::pipeline::pacs {

void add_peer(std::vector<Parameter>& parameters);
void add_tls(std::vector<Parameter>& parameters);
void add_limits(std::vector<Parameter>& parameters);
/// Patient, study, series, modality, description: what find, get and move choose by.
void add_selection(std::vector<Parameter>& parameters);

/// Error(kUsage) with everything that is wrong.
io::PacsPeer peer_of(const JobValues& values);
io::PacsTls tls_of(const JobValues& values);
io::PacsLimits limits_of(const JobValues& values);
io::PacsQuery query_of(const JobValues& values, io::PacsLevel level);

/// Whether `text` holds `part`, whatever their case; an empty part is in every text.
bool contains(const std::string& text, const std::string& part);

}  // namespace fovea::pipeline::pacs
