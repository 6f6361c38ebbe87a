// Runs a program for wasm32-wasip1: `node scripts/run_wasi.mjs FILE ARGUMENT…`.
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

const [, , file, ...args] = process.argv;
const wasi = new WASI({ version: "preview1", args: [file, ...args], env: process.env, returnOnExit: true });
const program = await WebAssembly.compile(await readFile(file));
process.exitCode = wasi.start(await WebAssembly.instantiate(program, wasi.getImportObject()));
