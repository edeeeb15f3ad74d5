"""The style sheet of the report, by day and by night."""

STYLE = """
:root{color-scheme:light dark;--back:#f6f7f9;--card:#fff;--ink:#1b2330;--soft:#5b6678;--rule:#dfe3ea;
--line:#2563eb;--area:#2563eb22;--good:#15803d;--bad:#c81e1e}
@media(prefers-color-scheme:dark){:root{--back:#10141b;--card:#181e28;--ink:#e6eaf1;--soft:#98a3b5;--rule:#2b3443;
--line:#6ea8fe;--area:#6ea8fe2b;--good:#4ade80;--bad:#f87171}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1220px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:24px;margin:0 0 18px;overflow-wrap:anywhere}h2{font-size:18px;margin:32px 0 10px}
.tiles{display:flex;flex-wrap:wrap;gap:12px;margin-bottom:20px}
.tile{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:10px 16px;min-width:120px}
.tile span{display:block;color:var(--soft);font-size:13px}.tile b{font-size:19px;font-weight:600}
.tile.good b,.good{color:var(--good)}.tile.bad b,.bad{color:var(--bad)}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:16px}
figure{margin:0;background:var(--card);border:1px solid var(--rule);border-radius:10px;min-width:0;
padding:14px 14px 8px}
figcaption{margin:0 0 6px;color:var(--soft)}figcaption b{color:var(--ink)}
figcaption small{display:block;font-size:13px}
svg{display:block;width:100%;height:auto}
svg text{fill:var(--soft);font:11.5px system-ui,sans-serif;font-variant-numeric:tabular-nums}
.grid{stroke:var(--rule)}.axis{stroke:var(--soft)}
.line{fill:none;stroke:var(--line);stroke-width:2;stroke-linejoin:round}
.area{fill:var(--area)}.bar{fill:var(--line)}
.wide{overflow-x:auto;background:var(--card);border:1px solid var(--rule);border-radius:10px}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:7px 14px;border-top:1px solid var(--rule);vertical-align:top}
tr:first-child>th{border-top:0;color:var(--soft);font-weight:500;font-size:13px}
.number{text-align:right;font-variant-numeric:tabular-nums}
summary{cursor:pointer}details ul{margin:6px 0;padding-left:18px;overflow-wrap:anywhere}details p{margin:8px 0 2px}
pre{margin:0;padding:10px;background:var(--back);border-radius:6px;overflow-x:auto;font-size:12.5px;max-height:340px}
code{font-size:13px}
"""
