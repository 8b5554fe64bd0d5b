import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { findBrowser, launchOptions, noBrowserMessage, type Surroundings } from "../setup/browser.mjs";
import { nodeProblem } from "../setup/node-version.mjs";
import { packageDifference } from "../setup/packages.mjs";
import { root } from "../setup/root.mjs";
import { blankComments } from "../setup/shader-comments.ts";

const GOOD = "Chromium 140.0.7000.1";

/** A machine with these programs, each answering to --version. */
function machine(files: Record<string, string | null>, more: Partial<Surroundings> = {}): Surroundings {
  return {
    env: { PATH: "/usr/local/bin:/usr/bin" },
    platform: "linux",
    isRoot: false,
    exists: (file) => file in files,
    version: (file) => files[file] ?? null,
    downloaded: async () => [],
    ...more,
  };
}

describe("finding a browser", () => {
  test("CHROME overrides the rest", async () => {
    const around = machine({ "/my/chrome": null, "/usr/bin/chromium": GOOD });
    around.env.CHROME = "/my/chrome";
    expect(await findBrowser(around)).toBe("/my/chrome");
  });

  test("CHROME that names nothing is an error, not a detour", async () => {
    const around = machine({ "/usr/bin/chromium": GOOD }, { env: { CHROME: "/gone" } });
    await expect(findBrowser(around)).rejects.toThrow(
      "the environment variable CHROME names /gone, which does not exist: set it to",
    );
  });

  test("a name on the PATH", async () => {
    expect(await findBrowser(machine({ "/usr/bin/chromium": GOOD }))).toBe("/usr/bin/chromium");
    const both = machine({ "/usr/bin/chromium": GOOD, "/usr/local/bin/google-chrome": GOOD });
    expect(await findBrowser(both)).toBe("/usr/local/bin/google-chrome");
  });

  test("a program that does not run, or is too old for WebGPU, is passed over", async () => {
    const files = {
      "/usr/bin/google-chrome": null,
      "/usr/bin/chromium": "Chromium 99.0.1",
      "/snap/bin/chromium": GOOD,
    };
    expect(await findBrowser(machine(files))).toBe("/snap/bin/chromium");
  });

  test("the usual places of macOS and Windows", async () => {
    const mac = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";
    expect(
      await findBrowser(machine({ [mac]: "Google Chrome 140.0.1" }, { platform: "darwin", env: {} })),
    ).toBe(mac);
    const windows = "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe";
    const env = { PROGRAMFILES: "C:\\Program Files", Path: "C:\\Windows" };
    expect(await findBrowser(machine({ [windows]: null }, { platform: "win32", env }))).toBe(windows);
  });

  test("puppeteer's cache comes last", async () => {
    const downloaded = async () => ["/home/me/.cache/puppeteer/chrome"];
    const files = { "/home/me/.cache/puppeteer/chrome": GOOD };
    expect(await findBrowser(machine(files, { downloaded }))).toBe("/home/me/.cache/puppeteer/chrome");
  });

  test("none", async () => {
    expect(await findBrowser(machine({}, { env: {} }))).toBeNull();
    for (const platform of ["linux", "darwin", "win32"] as const) {
      expect(noBrowserMessage({ platform })).toMatch(
        /^no Chrome or Chromium was found .*: .*set CHROME.*\.$/,
      );
    }
  });
});

test("the sandbox is left out for root only, the software adapter for GPU=hardware only", () => {
  const args = (more: Partial<Surroundings>) => launchOptions("/chrome", machine({}, more)).args;
  expect(args({})).toContain("--use-webgpu-adapter=swiftshader");
  expect(args({})).not.toContain("--no-sandbox");
  expect(args({ isRoot: true })).toContain("--no-sandbox");
  expect(args({ env: { GPU: "hardware" } })).not.toContain("--use-webgpu-adapter=swiftshader");
});

test("an old Node gets one sentence", () => {
  for (const good of ["20.19.0", "20.20.2", "22.1.0", "24.0.0"]) expect(nodeProblem(good)).toBeNull();
  for (const old of ["20.18.3", "18.20.0", "16.0.0"]) {
    expect(nodeProblem(old)).toMatch(/^wgfit needs Node 20\.19 or newer, this is Node .*: install .*\.$/);
  }
});

test("packages are installed again when they differ from the lock file", () => {
  const wanted = {
    packages: {
      "": { version: "0.1.0" },
      "node_modules/lit": { version: "3.3.3" },
      "node_modules/other-platform": { version: "1.0.0", optional: true },
    },
  };
  expect(packageDifference(wanted, null)).toBe("no packages are installed");
  expect(packageDifference(wanted, { packages: { "node_modules/lit": { version: "3.3.3" } } })).toBeNull();
  expect(packageDifference(wanted, { packages: { "node_modules/lit": { version: "3.3.2" } } })).toBe(
    "lit is 3.3.2, not 3.3.3",
  );
  expect(packageDifference(wanted, { packages: {} })).toBe("lit is missing, not 3.3.3");
});

describe("the lock file", () => {
  const text = readFileSync(path.join(root, "package-lock.json"), "utf8");

  test("names no registry host", () => {
    expect(text).not.toContain('"resolved"');
  });

  test("has the binaries of every platform, without which npm ci refuses it", () => {
    const { packages } = JSON.parse(text) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>;
    };
    const missing = Object.entries(packages).flatMap(([place, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) => !(`node_modules/${name}` in packages || `${place}/node_modules/${name}` in packages),
      ),
    );
    expect(missing).toEqual([]);
  });
});

test.each(["start", "test", "check", "build", "train", "explain"])(
  "%s: --help, and an unknown option",
  (name) => {
    const run = (option: string) =>
      spawnSync(process.execPath, [path.join(root, `tests/setup/${name}.mjs`), option], { encoding: "utf8" });
    const help = run("--help");
    expect(help.status).toBe(0);
    expect(help.stdout).toContain("--help");
    const wrong = run("--halp");
    expect(wrong.status).toBe(1);
    expect(wrong.stderr).toMatch(/^wgfit: npm (run )?\w+: unknown option --halp: did you mean --help\?\n$/);
  },
);

test("shader comments are blanked, lines and unroll marks kept", () => {
  const code = "// header\nlet a = 1; // one\nfor (;;) { // unroll\n}\n/* a /* b */\n c */ let d = 2;\n";
  expect(blankComments(code)).toBe("\nlet a = 1;\nfor (;;) { // unroll\n}\n \n let d = 2;\n");
});
