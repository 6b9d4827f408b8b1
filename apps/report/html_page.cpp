#include "apps/report/html_page.h"

#include "apps/report/html.h"

namespace madx::apps {

std::string html_page(std::string_view title, std::string_view style, const std::string& body) {
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>";
  html += escape_html(title);
  html += "</title>\n<style>";
  html += style;
  return html + "</style>\n</head>\n<body>\n" + body + "</body>\n</html>\n";
}

std::string html_code(std::string_view text) {
  return "<code dir=\"ltr\">" + escape_html(text) + "</code>";
}

std::string html_fact(std::string_view name, const std::string& html) {
  return "<dt>" + escape_html(name) + "</dt><dd>" + html + "</dd>\n";
}

std::string html_figure(const std::string& svg, std::string_view caption) {
  const std::string below =
      caption.empty() ? "" : "<figcaption>" + escape_html(caption) + "</figcaption>";
  return "<figure>" + svg + below + "</figure>\n";
}

std::string html_fold(std::string_view summary, const std::string& html, bool open, bool is_long) {
  return std::string("<details") + (is_long ? " class=\"long\"" : "") + (open ? " open" : "") +
         "><summary>" + escape_html(summary) + "</summary>\n" + html + "</details>\n";
}

std::string html_chip(const std::string& kind, std::string_view text) {
  return "<span class=\"chip " + kind + "\">" + escape_html(text) + "</span>";
}

}  // namespace madx::apps
