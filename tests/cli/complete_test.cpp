// SPDX-License-Identifier: GPL-2.0-only
// What the shells offer behind `xgre`: asked of the tool, and by the scripts of completion/ in the
// shells themselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "tests/cli/host.h"
#include "tests/cli/tool.h"

namespace xgre::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using Words = std::vector<std::string>;

Words lines_of(const std::string& text) {
    std::istringstream stream{text};
    Words lines;
    for (std::string line; std::getline(stream, line);)
        lines.push_back(line);
    return lines;
}

// The candidates, without what is said about them.
Words candidates(const Outcome& outcome) {
    EXPECT_EQ(outcome.exit, 0) << outcome;
    EXPECT_EQ(outcome.err, "");
    Words words;
    for (const std::string& line : lines_of(outcome.out))
        words.push_back(line.substr(0, line.find('\t')));
    return words;
}

Words offered(Words line) {
    line.insert(line.begin(), "__complete");
    return candidates(run_xgre(line));
}

TEST(Complete, OffersCommandsAndVerbs) {
    EXPECT_THAT(offered({"po"}), ElementsAre("port"));
    EXPECT_THAT(offered({"port", ""}), ElementsAre("add", "del", "show"));
    EXPECT_THAT(offered({"--json", "ex"}), ElementsAre("export"));
    EXPECT_THAT(offered({""}), Not(Contains("__complete")));
}

TEST(Complete, OffersOptionsOfTheCommandAndThoseThatStandAnywhere) {
    EXPECT_THAT(offered({"peer", "add", "--"}),
                IsSupersetOf({"--network", "--ttl", "--instance", "--json"}));
    EXPECT_THAT(offered({"peer", "add", "--tt"}), ElementsAre("--ttl"));
    EXPECT_THAT(offered({"peer", "add", "--"}), Not(Contains("--mtu")));
}

TEST(Complete, OffersTheWordsThatAnOptionTakes) {
    EXPECT_THAT(offered({"attach", "eth0", "--tc", ""}), ElementsAre("auto", "tcx", "clsact"));
    EXPECT_THAT(offered({"attach", "eth0", "--tc=t"}), ElementsAre("--tc=tcx"));
    EXPECT_THAT(offered({"capture", "--drop", "too"}), ElementsAre("too-large", "too-many-tags"));
    EXPECT_THAT(offered({"apply", ""}), ElementsAre(":files"));
}

TEST(Complete, OffersOnAndOffBehindASwitchAndWhatComesAfterIt) {
    EXPECT_THAT(offered({"port", "add", "tap0", "--locked", "o"}), ElementsAre("on", "off"));
    EXPECT_THAT(offered({"port", "add", "tap0", "--locked", "on", "--mac"}),
                ElementsAre("--mac-limit"));
}

TEST(Complete, IsSilentWhereThereIsNoInstance) {
    EXPECT_THAT(offered({"--instance", "not-there", "port", "del", ""}), IsEmpty());
    EXPECT_THAT(offered({"--netns", "not-there", "port", "add", ""}), IsEmpty());
    EXPECT_THAT(offered({"no-such-command", "--no-such-option", ""}), Not(Contains("on")));
    EXPECT_THAT(offered({}), IsEmpty());
}

class CompleteOnAHost : public Host {
protected:
    CompleteOnAHost() {
        set_up_lan();
        must("fdb add 02:00:00:00:00:07 --network lan --port tap0");
        must("peer add 198.18.0.3 --network lan");
    }

    Words line(Words words) const {
        const Words before = globals();
        words.insert(words.begin(), before.begin(), before.end());
        return words;
    }
    Words offers(const Words& words) const { return offered(line(words)); }

    // The whole line, with the tool's path in front of it or its name.
    Words typed(const std::string& tool, const Words& words) const {
        Words typed = line(words);
        typed.insert(typed.begin(), tool);
        return typed;
    }
};

TEST_F(CompleteOnAHost, OffersTheNamesThatThereAre) {
    EXPECT_THAT(offers({"port", "add", "ta"}), ElementsAre("tap0", "tap1"));
    EXPECT_THAT(offers({"port", "del", ""}), ElementsAre("tap0"));
    EXPECT_THAT(offers({"port", "add", "tap1", "--network", ""}), ElementsAre("lan", "two"));
    EXPECT_THAT(offers({"peer", "del", ""}), ElementsAre("198.18.0.2", "198.18.0.3"));
    EXPECT_THAT(offers({"fdb", "del", "02"}), ElementsAre("02:00:00:00:00:07"));
    EXPECT_THAT(offers({"map", "fd"}), ElementsAre("fdb"));
    EXPECT_THAT(offers({"attach", "uplink0", "--local", ""}), ElementsAre("198.18.0.1"));
    EXPECT_THAT(offered({"--netns", netns}), ElementsAre(netns));
    EXPECT_THAT(offered({"--instance=" + instance}), ElementsAre("--instance=" + instance));
}

TEST_F(CompleteOnAHost, ChangesNothing) {
    const Json before = state();
    offers({"port", "del", ""});
    EXPECT_EQ(state(), before);
}

// ---- The shells -----------------------------------------------------------------------------

const std::string kScripts = XGRE_SOURCE_DIR "/completion/";

// As bash cuts a line, at `:` and `=`, too.
Words cut(const Words& words) {
    Words pieces;
    for (const std::string& word : words) {
        std::string piece;
        for (const char c : word) {
            if (c != ':' && c != '=') {
                piece += c;
                continue;
            }
            if (!piece.empty()) pieces.push_back(piece);
            pieces.emplace_back(1, c);
            piece.clear();
        }
        if (!piece.empty() || word.empty()) pieces.push_back(piece);
    }
    return pieces;
}

Words bash_replies(const Words& typed) {
    std::string line;
    for (const std::string& word : typed)
        line += (line.empty() ? "" : " ") + word;
    Words argv{"bash",
               "--norc",
               "-c",
               "source " + kScripts +
                   "xgre.bash; COMP_LINE=$1; COMP_POINT=${#1}; shift; COMP_WORDS=(\"$@\"); "
                   "COMP_CWORD=$(($# - 1)); _xgre; "
                   "((${#COMPREPLY[@]} == 0)) || printf '%s\\n' \"${COMPREPLY[@]}\"",
               "bash",
               line};
    const Words pieces = cut(typed);
    argv.insert(argv.end(), pieces.begin(), pieces.end());
    return candidates(run(argv));
}

TEST_F(CompleteOnAHost, WorksInBashAlsoBehindColons) {
    const std::string tool = XGRE_BINARY;
    EXPECT_THAT(bash_replies(typed(tool, {"port", "del", ""})), ElementsAre("tap0"));
    EXPECT_THAT(bash_replies(typed(tool, {"fdb", "del", "02:0"})), ElementsAre("00:00:00:00:07"));
    EXPECT_THAT(bash_replies(typed(tool, {"peer", "del", "198.18.0.3"})),
                ElementsAre("198.18.0.3"));
    EXPECT_THAT(bash_replies(typed(tool, {"attach", "uplink0", "--tc=t"})), ElementsAre("tcx"));
    EXPECT_THAT(bash_replies(typed(tool, {"apply", XGRE_SOURCE_DIR "/READ"})),
                ElementsAre(XGRE_SOURCE_DIR "/README.md"));
}

TEST_F(CompleteOnAHost, WorksInZsh) {
    // The functions of zsh's own completion say what they were given.
    Words argv{"zsh", "-f", "-c",
               "_describe() { print -rl -- ${(P)${@[-1]}} }; _files() { print FILES }; "
               "words=(\"$@\"); CURRENT=$#; source " +
                   kScripts + "_xgre",
               "zsh"};
    const auto replies = [&](const Words& words) {
        Words all = argv;
        for (const std::string& word : typed(XGRE_BINARY, words))
            all.push_back(word);
        const Outcome outcome = run(all);
        EXPECT_EQ(outcome.err, "");
        return lines_of(outcome.out);
    };
    EXPECT_THAT(replies({"port", "del", ""}), ElementsAre("tap0:port of lan"));
    EXPECT_THAT(replies({"fdb", "del", "02:0"}),
                ElementsAre("02\\:00\\:00\\:00\\:00\\:07:lan, behind tap0"));
    EXPECT_THAT(replies({"apply", ""}), ElementsAre("FILES"));
}

TEST_F(CompleteOnAHost, WorksInFish) {
    const std::string directory = std::filesystem::path{XGRE_BINARY}.parent_path();
    const auto replies = [&](const Words& words) {
        std::string line;
        for (const std::string& word : typed("xgre", words))
            line += (line.empty() ? "" : " ") + word;
        return candidates(run({"fish", "--no-config", "-c",
                               "set PATH " + directory + " $PATH; source " + kScripts +
                                   "xgre.fish; complete -C $argv[1]",
                               line}));
    };
    EXPECT_THAT(replies({"port", "del", ""}), ElementsAre("tap0"));
    EXPECT_THAT(replies({"fdb", "del", "02:0"}), ElementsAre("02:00:00:00:00:07"));
    EXPECT_THAT(replies({"apply", XGRE_SOURCE_DIR "/READ"}),
                ElementsAre(XGRE_SOURCE_DIR "/README.md"));
}

TEST(Completion, ScriptsAreCorrectForTheirShells) {
    EXPECT_EQ(run({"bash", "-n", kScripts + "xgre.bash"}).err, "");
    EXPECT_EQ(run({"zsh", "-n", kScripts + "_xgre"}).err, "");
    EXPECT_EQ(run({"fish", "-n", kScripts + "xgre.fish"}).err, "");
}

}  // namespace
}  // namespace xgre::test
