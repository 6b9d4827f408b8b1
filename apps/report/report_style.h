#pragma once

namespace madx::apps::detail {

// The style sheet of the reports: the reader's own fonts, light or dark as their system is, colours
// kept in print.
inline constexpr const char* kReportStyle = R"css(
:root { color-scheme: light dark; --text: #1f2328; --dim: #59636e; --page: #ffffff;
  --card: #f6f8fa; --line: #d1d9e0; --right: #1a7f37; --wrong: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --dim: #9198a1; --page: #0d1117;
  --card: #161b22; --line: #30363d; --right: #3fb950; --wrong: #ff7b72; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 920px; padding: 2rem 1.25rem 4rem; background: var(--page);
  color: var(--text); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans",
  sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; padding-bottom: .3rem;
  border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
a { color: inherit; }
.lead, .dim, caption, figcaption, .example > span { color: var(--dim); }
nav { display: flex; flex-wrap: wrap; gap: 0 .9rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.25rem;
  margin: 1.25rem 0; }
dt { color: var(--dim); }
dd { margin: 0; overflow-wrap: anywhere; }
code { font: .85em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .75rem 0; }
.wide tr > th:first-child { position: sticky; left: 0; background: var(--page); }
.wide tr.strong > th:first-child { background: var(--card); }
caption { text-align: left; font-size: .875rem; padding-bottom: .4rem; }
th, td { padding: .3rem .9rem; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th { font-weight: 600; }
tbody th { font-weight: 400; }
.matrix th { font-weight: 600; }
.text { text-align: left; }
tr.mean td, tr.mean th { border-top: 2px solid var(--line); font-weight: 600; }
.matrix th, .matrix td { border: 1px solid var(--line); min-width: 4.2rem; }
figure { margin: 1rem 0; }
figure svg { display: block; max-width: 100%; height: auto; border: 1px solid var(--line);
  border-radius: 6px; }
figcaption { font-size: .875rem; margin-top: .3rem; }
.headline { font-size: 1.125rem; }
.best b { font-weight: 700; }
small { color: var(--dim); }
sup { line-height: 0; }
tr.strong { background: var(--card); }
tr.strong th { font-weight: 600; }
.above { color: var(--right); font-size: .7em; }
.below { color: var(--wrong); font-size: .7em; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(272px, 1fr)); gap: .75rem; }
.panels figure { margin: 0; }
h4 { font-size: .95rem; margin: 1rem 0 .4rem; }
summary { cursor: pointer; padding: .25rem 0; }
.chip { display: inline-block; padding: 0 .55rem; margin: .1rem .3rem .1rem 0; border: 1px solid;
  border-radius: 1rem; font-size: .78rem; line-height: 1.5; white-space: nowrap; }
.chip.right { color: var(--right); }
.chip.wrong { color: var(--wrong); }
.example { display: grid; grid-template-columns: 5rem 1fr; gap: .3rem .75rem;
  padding: .6rem .9rem; margin: .6rem 0; background: var(--card); border: 1px solid var(--line);
  border-radius: 6px; break-inside: avoid; }
.example > span { font-size: .8rem; line-height: 1.75rem; }
.example p { margin: 0; line-height: 1.75rem; overflow-wrap: anywhere; }
.chips { grid-column: 1 / -1; }
mark { color: #1f2328; padding: .1em .3em; border-radius: 4px; unicode-bidi: isolate;
  box-decoration-break: clone; -webkit-box-decoration-break: clone; print-color-adjust: exact;
  -webkit-print-color-adjust: exact; }
mark b { font-size: .68em; letter-spacing: .03em; vertical-align: .08em; opacity: .75;
  unicode-bidi: isolate; }
mark.wrong { text-decoration: underline 2px #cf222e; text-underline-offset: .2em; }
mark.wrong b { display: inline-block; }
.e0 { background: #b6d7ff; } .e1 { background: #b4ecc0; } .e2 { background: #ffd0e4; }
.e3 { background: #ffe0a6; } .e4 { background: #ece4a0; } .e5 { background: #a9e9ec; }
.e6 { background: #ffcdb8; } .e7 { background: #d9ccff; }
@media (max-width: 560px) {
  .example { grid-template-columns: 1fr; }
  dl { grid-template-columns: 1fr; }
  dd { margin-bottom: .4rem; }
  th, td { padding: .3rem .5rem; }
  figure { overflow-x: auto; }
  figure > svg { max-width: none; }
  .panels figure > svg { max-width: 100%; }
}
@media print {
  :root { --text: #000; --dim: #444; --page: #fff; --card: #fff; --line: #ccc; --right: #1a7f37;
    --wrong: #cf222e; }
  body { max-width: none; padding: 0; font-size: 11pt; }
  nav { display: none; }
  h2, h3, h4, summary { break-after: avoid; }
  figure, table, tr { break-inside: avoid; }
  .wide { overflow: visible; }
  .wide table { font-size: 7.5pt; }
  .wide th, .wide td { padding: .15rem .3rem; white-space: normal; }
  details:not(.long)::details-content { content-visibility: visible; block-size: auto; }
  td { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
)css";

}  // namespace madx::apps::detail
