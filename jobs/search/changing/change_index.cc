#include "jobs/search/changing/change_index.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "common/clean_text.h"
#include "common/random.h"
#include "jobs/search/changing/merge_segments.h"
#include "jobs/search/segment/segment.h"
#include "jobs/search/serving/open_index.h"

namespace quern::search {
namespace {

constexpr size_t kMaxShownName = 200;

using Segments = std::vector<std::unique_ptr<Segment>>;

// Of a file that a change makes (Change::NewName), also of one that is not closed yet: "merged-2-"
// or "part-r-00000.deleted-2-" with eight digits, and with a dot and eight more.
std::optional<uint64_t> GenerationOf(std::string_view name) {
  constexpr size_t kHexDigits = 8;
  const auto drop_random = [&name](char before) {
    if (name.size() <= kHexDigits || name[name.size() - kHexDigits - 1] != before) return false;
    const std::string_view digits = name.substr(name.size() - kHexDigits);
    if (digits.find_first_not_of("0123456789abcdef") != std::string_view::npos) return false;
    name.remove_suffix(kHexDigits + 1);
    return true;
  };
  drop_random('.');
  if (!drop_random('-')) return std::nullopt;
  const size_t dash = name.rfind('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view what = name.substr(0, dash);
  if (what != "merged" && !what.ends_with(".deleted")) return std::nullopt;
  uint64_t generation = 0;
  const char* const end = name.data() + name.size();
  const auto [next, error] = std::from_chars(name.data() + dash + 1, end, generation);
  if (error != std::errc() || next != end) return std::nullopt;
  return generation;
}

// The index as it is, and what it becomes. Or one within it, whose `dir` ends with a slash; names
// in its manifest are relative to that.
class Change {
 public:
  Change(IndexFiles* files, IndexWriter* writer, std::string dir = "")
      : files_(files), writer_(writer), dir_(std::move(dir)) {}
  // One that was not published.
  ~Change() {
    files_->Release();
    // What stays behind is in nobody's way.
    for (const std::string& name : unused_) writer_->Remove(name).IgnoreError();
  }
  Change(const Change&) = delete;
  Change& operator=(const Change&) = delete;

  // `part_of`: what it may be called in the index that it is a part of.
  absl::Status Start(std::string_view part_of = "") {
    ASSIGN_OR_RETURN(identity_, IndexIdentity(files_, dir_));
    const std::string path = files_->Describe(ManifestName());
    const absl::StatusOr<std::string> json = files_->Read(ManifestName());
    if (json.ok()) {
      auto parsed = ParseIndexManifest(*json);
      RETURN_IF_ERROR(Annotate(parsed.status(), path));
      manifest = *std::move(parsed);
    } else if (absl::IsNotFound(json.status())) {
      RETURN_IF_ERROR(AddParts());
    } else {
      return json.status();
    }
    if (!manifest.part_of.empty() && manifest.part_of != part_of) {
      return FailedPreconditionError(
          "{}: its segments are those of another index, which has them as {}. Try: to change that "
          "one",
          path, manifest.part_of);
    }
    ++manifest.generation;
    return absl::OkStatus();
  }

  // Once they are mapped nobody can take them away: others need not wait until the change is done.
  absl::StatusOr<Segments> OpenAll() {
    Segments segments;
    for (const IndexSegment& listed : manifest.segments) {
      ASSIGN_OR_RETURN(segments.emplace_back(), Open(listed));
    }
    files_->Release();
    return segments;
  }

  absl::StatusOr<std::unique_ptr<Segment>> Open(const IndexSegment& listed) {
    const std::string deletions = listed.deletions.empty() ? "" : dir_ + listed.deletions;
    auto segment = OpenSegment(files_, {dir_ + listed.file, deletions, listed.documents});
    if (segment.ok()) return segment;
    // Each change removes what it replaces.
    const absl::StatusOr<std::string> identity = IndexIdentity(files_, dir_);
    if (identity.ok() && *identity != identity_) return Changed();
    return segment.status();
  }

  // An index.json of before does not say whether there are texts.
  absl::Status LearnStored() {
    if (manifest.stored.has_value() || manifest.segments.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const auto segment, Open(manifest.segments[0]));
    manifest.stored = segment->meta().has_stored;
    return absl::OkStatus();
  }

  // A name for a new file, which is removed if the change is not published. Somebody else may be at
  // a change of the same generation and publish that one.
  std::string NewName(std::string_view what) {
    return unused_.emplace_back(fmt::format("{}-{}-{}", what, manifest.generation, RandomHex(4)));
  }

  // A file that is of no use any more when the change is published; none when empty.
  void Replaces(std::string name) {
    if (!name.empty()) replaced_.push_back(std::move(name));
  }

  // The end: index.json is replaced.
  absl::StatusOr<IndexManifest> Publish() {
    ASSIGN_OR_RETURN(const auto file, writer_->Replace(ManifestName()));
    RETURN_IF_ERROR(file->Append(FormatIndexManifest(manifest)));
    // What the new file replaces is settled now. Somebody who changed the index before is seen
    // here, and whoever changes it from here on is noticed when the file is closed.
    ASSIGN_OR_RETURN(const std::string identity, IndexIdentity(files_, dir_));
    if (identity != identity_) return Changed();
    const absl::Status closed = file->Close();
    if (absl::IsAborted(closed)) return Changed();
    unused_.clear();  // after an error too: nobody may know whether index.json names them
    RETURN_IF_ERROR(closed);
    // Who opens the index that was begins anew with the one that is. What stays behind is in
    // nobody's way.
    for (const std::string& name : replaced_) writer_->Remove(name).IgnoreError();
    RemoveLeftovers();
    return manifest;
  }

  // Why a file of this change could not be written: one that somebody else has overtaken may have
  // been removed under it.
  absl::Status Explain(const absl::Status& status) const {
    if (status.ok()) return status;
    const absl::StatusOr<std::string> identity = IndexIdentity(files_, dir_);
    return identity.ok() && *identity != identity_ ? Changed() : status;
  }

  // After OpenAll: of the segments that it opened those which the index still has stay at hand.
  void KeepCopies() {
    std::vector<std::string> names;
    for (const IndexSegment& segment : manifest.segments) names.push_back(segment.file);
    files_->Keep(names);
  }

  IndexManifest unchanged() const {
    IndexManifest before = manifest;
    --before.generation;
    return before;
  }

  IndexManifest manifest;

 private:
  std::string ManifestName() const { return dir_ + std::string(kIndexManifestName); }

  // The parts of a job's output that nobody changed yet.
  absl::Status AddParts() {
    ASSIGN_OR_RETURN(const std::string json, files_->Read(dir_ + std::string(kJobManifestName)));
    ASSIGN_OR_RETURN(const std::vector<std::string> parts, ParseJobParts(json));
    for (const std::string& part : parts) {
      ASSIGN_OR_RETURN(const auto segment, Open({part, "", 0}));
      RETURN_IF_ERROR(AddSegment(part, segment->meta(), &manifest));
      if (segment->documents() == 0) Replaces(dir_ + part);
    }
    return absl::OkStatus();
  }

  // What changes that were killed have left, as large as the index. Whoever still writes such a
  // file cannot publish it any more: the generation that it is of is there.
  void RemoveLeftovers() {
    if (!dir_.empty()) return;
    const absl::StatusOr<std::vector<std::string>> names = writer_->List();
    if (!names.ok()) return;  // another time
    std::unordered_set<std::string_view> listed;
    for (const IndexSegment& segment : manifest.segments) {
      listed.insert(segment.file);
      listed.insert(segment.deletions);
    }
    for (const std::string& name : *names) {
      const std::optional<uint64_t> generation = GenerationOf(name);
      if (!generation.has_value() || *generation > manifest.generation) continue;
      if (!listed.contains(name)) writer_->Remove(name).IgnoreError();
    }
  }

  absl::Status Changed() const {
    return AbortedError("{}: somebody else changed the index meanwhile. Try: again",
                        files_->Describe(ManifestName()));
  }

  IndexFiles* const files_;
  IndexWriter* const writer_;
  const std::string dir_;
  std::string identity_;
  std::vector<std::string> unused_;    // files of this change that no index.json names
  std::vector<std::string> replaced_;  // of before, that the new one does not name
};

// Adds to `found` the ids that a document had which is deleted now.
uint32_t DeleteFromSegment(const std::unordered_set<std::string>& ids, const Segment& segment,
                           Deletions* deletions, std::unordered_set<std::string_view>* found) {
  uint32_t deleted = 0;
  DocumentReader documents = segment.ReadDocuments();
  for (uint32_t doc = 0; doc < segment.documents(); ++doc) {
    if (segment.deleted(doc)) {
      deletions->Add(doc);
      continue;
    }
    const auto id = ids.find(documents.NamesOf(doc).id);
    if (id == ids.end()) continue;
    deletions->Add(doc);
    found->insert(*id);
    ++deleted;
  }
  return deleted;
}

// "a/" and "a/b/" for a/b/c: where other indexes of these segments may lie.
std::set<std::string> DirsOf(const std::vector<IndexSegment>& segments) {
  std::set<std::string> dirs;
  for (const IndexSegment& segment : segments) {
    for (size_t slash = segment.file.find('/'); slash != std::string::npos;
         slash = segment.file.find('/', slash + 1)) {
      dirs.insert(segment.file.substr(0, slash + 1));
    }
  }
  return dirs;
}

// The index.json that adding left in those directories whose segments are all among these.
std::vector<std::string> ManifestsOfParts(const std::vector<IndexSegment>& segments,
                                          IndexFiles* files) {
  std::unordered_set<std::string_view> names;
  for (const IndexSegment& segment : segments) names.insert(segment.file);
  std::vector<std::string> found;
  for (const std::string& dir : DirsOf(segments)) {
    const std::string name = dir + std::string(kIndexManifestName);
    // One that cannot be read is in the way of nobody who reads the index.
    const absl::StatusOr<std::string> json = files->Read(name);
    if (!json.ok()) continue;
    const absl::StatusOr<IndexManifest> part = ParseIndexManifest(*json);
    const bool nothing_left =
        part.ok() && !part->part_of.empty() &&
        std::all_of(part->segments.begin(), part->segments.end(),
                    [&](const IndexSegment& one) { return names.contains(dir + one.file); });
    if (nothing_left) found.push_back(name);
  }
  return found;
}

// What a manifest is of besides its segments, without them.
IndexManifest WithoutSegments(const IndexManifest& manifest) {
  IndexManifest empty;
  empty.generation = manifest.generation;
  return empty;
}

absl::StatusOr<SegmentMeta> WriteMerged(const Segments& segments, NewIndexFile* file) {
  std::vector<const Segment*> views;
  for (const auto& segment : segments) views.push_back(segment.get());
  absl::Status written;
  const auto sink = [&](std::string_view bytes) {
    if (written.ok()) written = file->Append(bytes);
  };
  try {
    ASSIGN_OR_RETURN(SegmentMeta meta, MergeSegments(views, sink));
    RETURN_IF_ERROR(written);
    return meta;
  } catch (const std::length_error& error) {
    return ResourceExhaustedError("{}", error.what());
  } catch (const std::system_error& error) {  // of the file that a large term goes to
    return ResourceExhaustedError("{}", error.what());
  }
}

// Those of `ids` that were not found.
void TellUnknown(const std::unordered_set<std::string>& ids,
                 const std::unordered_set<std::string_view>& found, DeleteResult* result) {
  std::vector<std::string_view> unknown;
  for (const std::string& id : ids) {
    if (!found.contains(id)) unknown.push_back(id);
  }
  const size_t named = std::min(kNamedUnknown, unknown.size());
  std::partial_sort(unknown.begin(), unknown.begin() + static_cast<ptrdiff_t>(named),
                    unknown.end());
  result->unknown = unknown.size();
  result->some_unknown.assign(unknown.begin(), unknown.begin() + static_cast<ptrdiff_t>(named));
}

}  // namespace

absl::StatusOr<IndexManifest> AddToIndex(std::string_view dir, IndexFiles* files,
                                         IndexWriter* writer, bool* does_not_fit) {
  std::string name(dir);
  while (name.ends_with('/')) name.pop_back();
  if (!IsIndexName(name)) {
    return InvalidArgumentError(
        "'{}': name a directory in the index, as new for /index/new, without . and .. and //", dir);
  }
  // It would come back from index.json as another name, and the index could not be opened.
  if (!IsUtf8(name)) {
    return InvalidArgumentError(
        "'{}': is no UTF-8, and index.json holds nothing else. Try: another name",
        CleanLine(name, kMaxShownName));
  }
  const auto refused = [&](const absl::Status& status) {
    if (does_not_fit != nullptr) *does_not_fit = true;
    return status;
  };
  Change change(files, writer);
  const absl::Status started = change.Start();
  if (absl::IsNotFound(started)) return refused(started);  // no index
  RETURN_IF_ERROR(started);
  RETURN_IF_ERROR(change.LearnStored());
  Change part(files, writer, name + "/");
  RETURN_IF_ERROR(part.Start(name));
  RETURN_IF_ERROR(part.LearnStored());
  const absl::Status joined = AddIndex(name + "/", part.manifest, &change.manifest);
  if (absl::IsFailedPrecondition(joined)) return refused(joined);  // of another kind
  RETURN_IF_ERROR(joined);
  RETURN_IF_ERROR(part.OpenAll().status());
  // Nothing to own: the directory stays what it is, for the next job that writes there.
  if (part.manifest.segments.empty()) return change.unchanged();
  // First, so that the segments are never those of two indexes that both change. Whoever is
  // interrupted here does it again.
  part.manifest.part_of = name;
  RETURN_IF_ERROR(part.Publish().status());
  return change.Publish();
}

absl::StatusOr<DeleteResult> DeleteFromIndex(const std::unordered_set<std::string>& ids,
                                             IndexFiles* files, IndexWriter* writer) {
  Change change(files, writer);
  RETURN_IF_ERROR(change.Start());
  DeleteResult result;
  std::unordered_set<std::string_view> found;
  ASSIGN_OR_RETURN(const Segments segments, change.OpenAll());
  for (size_t i = 0; i < segments.size(); ++i) {
    Deletions deletions(segments[i]->documents());
    const uint32_t deleted = DeleteFromSegment(ids, *segments[i], &deletions, &found);
    if (deleted == 0) continue;
    result.deleted += deleted;
    IndexSegment& listed = change.manifest.segments[i];
    change.Replaces(listed.deletions);
    listed.deletions = change.NewName(listed.file + ".deleted");
    RETURN_IF_ERROR(change.Explain(writer->Write(listed.deletions, deletions.Serialize())));
  }
  TellUnknown(ids, found, &result);
  if (result.deleted > 0) RETURN_IF_ERROR(change.Publish().status());
  change.KeepCopies();
  return result;
}

absl::StatusOr<IndexManifest> MergeIndex(IndexFiles* files, IndexWriter* writer) {
  Change change(files, writer);
  RETURN_IF_ERROR(change.Start());
  const std::vector<IndexSegment> before = change.manifest.segments;
  const bool deleted = std::any_of(before.begin(), before.end(),
                                   [](const auto& one) { return !one.deletions.empty(); });
  if (before.size() < 2 && !deleted) return change.unchanged();
  ASSIGN_OR_RETURN(const Segments segments, change.OpenAll());
  const std::string name = change.NewName("merged");
  ASSIGN_OR_RETURN(const auto file, writer->Create(name));
  ASSIGN_OR_RETURN(const SegmentMeta meta, WriteMerged(segments, file.get()));
  RETURN_IF_ERROR(change.Explain(file->Close()));
  change.manifest = WithoutSegments(change.manifest);
  RETURN_IF_ERROR(AddSegment(name, meta, &change.manifest));
  for (const IndexSegment& listed : before) {
    change.Replaces(listed.file);
    change.Replaces(listed.deletions);
  }
  // Last: as long as it is there --overwrite leaves the directory alone, and what is removed there
  // cannot be the output of a later job.
  for (const std::string& part : ManifestsOfParts(before, files)) change.Replaces(part);
  ASSIGN_OR_RETURN(IndexManifest published, change.Publish());
  change.KeepCopies();
  return published;
}

}  // namespace quern::search
