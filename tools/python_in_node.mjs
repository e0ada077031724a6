#!/usr/bin/env node
// The Python of pyodide, CPython on WebAssembly, as far as the tests start one: `python_in_node.mjs -c PROGRAM ARGUMENTS`.
// It is found where `npm install --prefix build pyodide` puts it, and sees this repository and the folders of PYTHONPATH.
// What is compiled in them is not for it, so it takes black, which is delivered with its source, in pure Python.

import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { loadPyodide } = createRequire(path.join(root, "build/"))("pyodide");
const [option, program, ...rest] = process.argv.slice(2);
if (option !== "-c") throw new Error("usage: python_in_node.mjs -c PROGRAM ARGUMENTS");

const python = await loadPyodide();
const folders = (process.env.PYTHONPATH ?? "").split(path.delimiter).filter(Boolean);
for (const folder of new Set([root, ...folders])) {
  python.FS.mkdirTree(folder);
  python.FS.mount(python.FS.filesystems.NODEFS, { root: folder }, folder);
}
python.setStdout({
  write(bytes) {
    process.stdout.write(bytes.slice());
    return bytes.length;
  },
});
const sys = python.pyimport("sys");
sys.argv = python.toPy(["-c", ...rest]);
sys.path.extend(python.toPy(folders));
try {
  python.runPython(program);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
