// SPDX-License-Identifier: GPL-2.0-only
// The text format and the HTTP of metrics, without an instance.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <ostream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "loader/fd.h"
#include "loader/metrics_http.h"
#include "xgre/error.h"
#include "xgre/metrics.h"

namespace xgre::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

MetricFamily family(const std::string& value) {
    return {{"m", MetricType::gauge, {"l"}, "what it is", ""}, {{{{"l", value}}, 1U}}};
}

TEST(MetricsText, IsHelpTypeAndALineASample) {
    const MetricFamily two{{"xgre_a_total", MetricType::counter, {"x", "y"}, "frames", ""},
                           {{{{"x", "1"}, {"y", ""}}, UINT64_MAX}, {{}, 0.25}}};
    EXPECT_EQ(format_metrics({two}),
              "# HELP xgre_a_total frames\n"
              "# TYPE xgre_a_total counter\n"
              "xgre_a_total{x=\"1\",y=\"\"} 18446744073709551615\n"
              "xgre_a_total 0.25\n");
}

TEST(MetricsText, LeavesOutWhatHasNoSample) {
    EXPECT_EQ(format_metrics({{{"m", MetricType::gauge, {}, "nothing", ""}, {}}}), "");
}

TEST(MetricsText, EscapesBackslashQuoteAndEndOfLine) {
    EXPECT_THAT(format_metrics({family("a\\b\"c\nd")}), HasSubstr("m{l=\"a\\\\b\\\"c\\nd\"} 1\n"));
}

TEST(MetricsText, EscapesHelpButNotItsQuotes) {
    MetricFamily one = family("");
    one.info.help = "a\\b\"c\nd";
    EXPECT_THAT(format_metrics({one}), HasSubstr("# HELP m a\\\\b\"c\\nd\n"));
}

// A scrape with one byte that is no UTF-8 is refused as a whole.
TEST(MetricsText, ReplacesWhatIsNoUtf8AndKeepsWhatIs) {
    const std::string kept = "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\xa7";
    EXPECT_THAT(format_metrics({family(kept)}), HasSubstr("\"" + kept + "\""));
    const std::string r = "\xef\xbf\xbd";
    for (const auto& [bad, text] : std::vector<std::pair<std::string, std::string>>{
             {"tap\xff", "tap" + r},               // never
             {"\xc3", r},                          // cut
             {"\xc3(", r + "("},                   // not continued
             {"\xc0\xaf", r + r},                  // overlong
             {"\xe0\x80\xaf", r + r + r},          // likewise
             {"\xed\xa0\x80", r + r + r},          // a surrogate
             {"\xf4\x90\x80\x80", r + r + r + r},  // beyond Unicode
         })
        EXPECT_THAT(format_metrics({family(bad)}), HasSubstr("\"" + text + "\""));
}

TEST(MetricList, NamesAreAsPrometheusWantsThem) {
    std::set<std::string> names;
    for (const MetricInfo& metric : metric_list()) {
        EXPECT_THAT(metric.name, testing::MatchesRegex("xgre_[a-z0-9_]+")) << metric.name;
        EXPECT_EQ(metric.name.ends_with("_total"), metric.type == MetricType::counter)
            << metric.name;
        EXPECT_FALSE(metric.help.empty()) << metric.name;
        EXPECT_TRUE(names.insert(metric.name).second) << metric.name << " comes twice";
        for (const std::string& label : metric.labels) {
            EXPECT_THAT(label, testing::MatchesRegex("[a-z][a-z0-9_]*")) << metric.name;
            // Prometheus sets these itself.
            EXPECT_NE(label, "instance") << metric.name;
            EXPECT_NE(label, "job") << metric.name;
        }
    }
}

// ---- The file --------------------------------------------------------------------------------

class MetricsFile : public ::testing::Test {
protected:
    MetricsFile() {
        std::string name = std::filesystem::temp_directory_path() / "xgre-metrics-XXXXXX";
        directory = ::mkdtemp(name.data());
    }
    ~MetricsFile() override { std::filesystem::remove_all(directory); }

    std::vector<std::string> files() const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator{directory})
            names.push_back(entry.path().filename());
        return names;
    }
    std::string content() const {
        std::ifstream stream{file()};
        return {std::istreambuf_iterator<char>{stream}, {}};
    }
    std::string file() const { return directory / "xgre.prom"; }

    std::filesystem::path directory;
};

TEST_F(MetricsFile, IsReplacedAsAWholeAndReadByEverybody) {
    write_metrics(file(), "a 1\n");
    std::ifstream reader{file()};  // who has it open sees the old one to its end
    write_metrics(file(), "b 2\nc 3\n");
    EXPECT_EQ(content(), "b 2\nc 3\n");
    EXPECT_EQ((std::string{std::istreambuf_iterator<char>{reader}, {}}), "a 1\n");
    struct stat info{};
    ASSERT_EQ(::stat(file().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0644U);
    EXPECT_THAT(files(), testing::ElementsAre("xgre.prom"));
}

TEST_F(MetricsFile, ThatCannotBeReplacedLeavesNothingBehind) {
    std::filesystem::create_directory(file());
    EXPECT_THROW(write_metrics(file(), "a 1\n"), Error);
    EXPECT_THAT(files(), testing::ElementsAre("xgre.prom"));
    EXPECT_THROW(write_metrics(directory / "none" / "xgre.prom", "a 1\n"), Error);
}

// ---- HTTP ------------------------------------------------------------------------------------

struct Socket {
    Fd server;
    Fd client;
};

Socket connected() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    return {Fd{ends[0]}, Fd{ends[1]}};
}

std::string read_all(const Fd& fd) {
    std::string text;
    std::array<char, 65536> chunk{};
    for (;;) {
        pollfd watched{fd.get(), POLLIN, 0};
        if (::poll(&watched, 1, 10000) != 1) return text + "(no end)";
        const ssize_t length = ::recv(fd.get(), chunk.data(), chunk.size(), 0);
        if (length <= 0) return text;
        text.append(chunk.data(), static_cast<std::size_t>(length));
    }
}

struct Exchange {
    std::string answer;
    std::string error;  // that the server threw
    milliseconds took{0};
};

const std::string kPage = "xgre_up 1\n";

HttpLimits hasty() {
    HttpLimits limits;
    limits.to_ask = limits.to_answer = limits.to_linger = milliseconds{200};
    return limits;
}

// What the client says, in one piece; then it listens, or is done saying anything.
Exchange exchange(
    const std::string& request, bool is_done = false,
    const std::function<std::string()>& page = [] { return kPage; }) {
    Socket socket = connected();
    const auto begin = steady_clock::now();
    auto server = std::async(std::launch::async, [&] {
        std::string error;
        try {
            answer_http(socket.server.get(), page, hasty());
        } catch (const Error& thrown) {
            error = thrown.what();
        }
        socket.server = Fd{};
        return error;
    });
    EXPECT_EQ(::send(socket.client.get(), request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    if (is_done) ::shutdown(socket.client.get(), SHUT_WR);
    Exchange result;
    result.answer = read_all(socket.client);
    socket.client = Fd{};
    result.error = server.get();
    result.took = std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin);
    return result;
}

std::string get(const std::string& target) {
    return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

std::string body_of(const std::string& answer) {
    return answer.substr(std::min(answer.find("\r\n\r\n") + 4, answer.size()));
}

TEST(MetricsHttp, AnswersGetWithThePage) {
    const Exchange got = exchange(get("/metrics"), true);
    EXPECT_EQ(got.error, "");
    EXPECT_THAT(got.answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(got.answer,
                HasSubstr("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    EXPECT_THAT(got.answer, HasSubstr("\r\nContent-Length: 10\r\n"));
    EXPECT_THAT(got.answer, HasSubstr("\r\nConnection: close\r\n"));
    EXPECT_EQ(body_of(got.answer), kPage);
}

TEST(MetricsHttp, AnswersHeadWithTheLengthAlone) {
    const Exchange got = exchange("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n", true);
    EXPECT_THAT(got.answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(got.answer, HasSubstr("\r\nContent-Length: 10\r\n"));
    EXPECT_EQ(body_of(got.answer), "");
}

struct Request {
    const char* name;
    std::string text;
    int status;
};

void PrintTo(const Request& request, std::ostream* stream) {
    *stream << request.name;
}

class MetricsHttpAnswer : public ::testing::TestWithParam<Request> {};

TEST_P(MetricsHttpAnswer, IsComplete) {
    const Exchange got = exchange(GetParam().text, true);
    EXPECT_EQ(got.error, "");
    EXPECT_THAT(got.answer, StartsWith(fmt::format("HTTP/1.1 {} ", GetParam().status)));
    EXPECT_THAT(got.answer, HasSubstr("\r\nConnection: close\r\n"));
    const std::string body = body_of(got.answer);
    EXPECT_THAT(got.answer, HasSubstr(fmt::format("\r\nContent-Length: {}\r\n", body.size())));
    EXPECT_THAT(body, EndsWith("\n"));
    EXPECT_EQ(got.answer.find("\r\nAllow: GET, HEAD\r\n") != std::string::npos,
              GetParam().status == 405);
}

INSTANTIATE_TEST_SUITE_P(
    To, MetricsHttpAnswer,
    ::testing::Values(
        Request{"Http10WithoutHost", "GET /metrics HTTP/1.0\r\n\r\n", 200},
        Request{"LinesWithoutCarriageReturn", "GET /metrics HTTP/1.1\nHost: x\n\n", 200},
        Request{"AQuery", get("/metrics?collect=all"), 200},
        Request{"AnAbsoluteTarget", get("http://localhost:14747/metrics"), 200},
        Request{"HostInCapitals", "GET /metrics HTTP/1.1\r\nHOST: x\r\n\r\n", 200},
        Request{
            "WhatPrometheusSends",
            "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:14747\r\nUser-Agent: Prometheus/2.42.0\r\n"
            "Accept: application/openmetrics-text;version=1.0.0,*/*;q=0.1\r\n"
            "Accept-Encoding: gzip\r\nX-Prometheus-Scrape-Timeout-Seconds: 10\r\n\r\n",
            200},
        Request{"AnotherPath", get("/"), 404}, Request{"APathBelow", get("/metrics/"), 404},
        Request{"AnAbsoluteTargetWithoutPath", get("http://localhost"), 404},
        Request{"AnAsterisk", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404},
        Request{"Post", "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 405},
        Request{"AMethodThatNobodyKnows", "BREW /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 405},
        Request{"NoHost", "GET /metrics HTTP/1.1\r\n\r\n", 400},
        Request{"TwoHosts", "GET /metrics HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
        Request{"NoField", "GET /metrics HTTP/1.1\r\nHost: x\r\nfoo\r\n\r\n", 400},
        Request{"BlankBeforeTheColon", "GET /metrics HTTP/1.1\r\nHost : x\r\n\r\n", 400},
        Request{"NoVersion", "GET /metrics\r\n\r\n", 400},
        Request{"NoTarget", "GET  HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        Request{"ABlankInTheTarget", get("/metrics x"), 400},
        Request{"AControlCharacter", get(std::string{"/metrics\x01"}), 400},
        Request{"AZero", get(std::string{"/metrics\0", 9}), 400},
        Request{"Nonsense", "\x16\x03\x01\x02\x00\r\n\r\n", 400},
        Request{"AnEmptyLine", "\r\n\r\n", 400},
        Request{"AnEndInTheMiddle", "GET /metrics HTTP/1.1\r\nHo", 400},
        Request{"AnotherProtocol", "GET /metrics SMTP/1.1\r\nHost: x\r\n\r\n", 400},
        Request{"Http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        Request{"ALongTarget", get("/" + std::string(9000, 'a')), 414},
        Request{"ALongHead", "GET /metrics HTTP/1.1\r\nHost: x\r\nA: " + std::string(100000, 'a'),
                431}),
    [](const auto& param) { return std::string{param.param.name}; });

TEST(MetricsHttp, DoesNotWaitForeverForARequest) {
    const Exchange got = exchange("GET /metrics HT");
    EXPECT_THAT(got.answer, StartsWith("HTTP/1.1 408 "));
    EXPECT_LT(got.took, milliseconds{5000});
}

TEST(MetricsHttp, DoesNotWaitForAClientThatStaysAfterItsAnswer) {
    const Exchange got = exchange(get("/metrics"));  // it keeps its end open
    EXPECT_THAT(got.answer, StartsWith("HTTP/1.1 200 "));
    EXPECT_LT(got.took, milliseconds{5000});
}

TEST(MetricsHttp, SaysNothingToAClientThatSaysNothing) {
    const Exchange got = exchange("", true);
    EXPECT_EQ(got.answer, "");
    EXPECT_EQ(got.error, "");
}

TEST(MetricsHttp, GivesUpOnAClientThatTakesNothing) {
    Socket socket = connected();
    const std::string request = get("/metrics");
    ASSERT_GT(::send(socket.client.get(), request.data(), request.size(), 0), 0);
    const std::string large(8 << 20, 'x');
    const auto begin = steady_clock::now();
    EXPECT_THROW(
        answer_http(socket.server.get(), [&] { return std::string{large}; }, hasty()), Error);
    EXPECT_LT(steady_clock::now() - begin, milliseconds{5000});
}

TEST(MetricsHttp, OutlivesAClientThatGoesBeforeItsAnswer) {
    Socket socket = connected();
    const std::string request = get("/metrics");
    ASSERT_GT(::send(socket.client.get(), request.data(), request.size(), 0), 0);
    socket.client = Fd{};
    EXPECT_THROW(answer_http(socket.server.get(), [] { return kPage; }, hasty()), Error);
}

TEST(MetricsHttp, SendsAnAnswerOfAnyLength) {
    const std::string large(3 << 20, 'x');
    const Exchange got = exchange(get("/metrics"), true, [&] { return std::string{large}; });
    EXPECT_EQ(body_of(got.answer).size(), large.size());
}

TEST(MetricsHttp, SaysWhyItHasNoPage) {
    const Exchange got = exchange(get("/metrics"), true, []() -> std::string {
        throw Error{"instance a", "broken", "mend it"};
    });
    EXPECT_THAT(got.answer, StartsWith("HTTP/1.1 500 "));
    EXPECT_EQ(body_of(got.answer), "instance a: broken; mend it\n");
    EXPECT_THAT(got.error, HasSubstr("broken"));
    EXPECT_THAT(got.answer, Not(HasSubstr(kPage)));
}

}  // namespace
}  // namespace xgre::test
