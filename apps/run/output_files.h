#pragma once

#include <set>
#include <string>
#include <vector>

namespace madx::apps {

/// Whether there is a file, or a directory with content.
bool holds_something(const std::string& path);

/// What training programs write when they are done, by the names of files and directories.
const std::vector<std::string>& trained_results();

/// Names in a directory; none where it is gone.
std::set<std::string> names_in(const std::string& directory);

/// Whether a name is one under which files and directories are written before they are whole:
/// NAME.tmpPID, NAME.tmpPID.N, NAME.tmpPID.RANDOM.N, left behind by a process that was killed.
bool is_unfinished(const std::string& name);
/// Removes all of these from a directory.
void remove_unfinished(const std::string& directory);

/// On a file system that cannot exchange two names, a directory is replaced by two renames, and
/// NAME is at NAME.tmpPID.RANDOM.N.old between them. Of a process that was killed there, puts it
/// back; after the second rename, removes it.
void put_back(const std::string& directory);

std::string without_slash(std::string path);
/// Whether a path names a directory by its place: ".", "..".
bool names_by_place(const std::string& path);
/// A path that renaming reaches: of the directory itself where `path` is a symbolic link or ".".
std::string renameable(const std::string& path);
/// A file system begins there, so that it cannot be renamed.
bool is_mount_point(const std::string& directory);

}  // namespace madx::apps
