import path from "node:path";
import { defineConfig } from "vitest/config";
import { ProgressReporter } from "./tests/setup/progress-reporter.ts";
import { chromium } from "./tests/setup/provider.ts";
import { pythonServer } from "./tests/setup/python-server.ts";
import { serveFolder } from "./tests/setup/serve-folder.ts";
import { shaderComments } from "./tests/setup/shader-comments.ts";
import { SHARED_DATA_URL } from "./tests/setup/shared-data.ts";

const root = import.meta.dirname;
const sharedData = path.resolve(root, process.env.WGFIT_DATA ?? "../shared/data/mnist");

export default defineConfig({
  plugins: [shaderComments()],
  // The bare name resolves to CommonJS without exports in Node.
  resolve: { alias: { wgsl_reflect: "wgsl_reflect/wgsl_reflect.module.js" } },
  test: {
    env: { WGFIT_FULL: process.env.WGFIT_FULL ?? "" },
    reporters: process.stdout.isTTY ? ["default"] : ["default", new ProgressReporter()],
    passWithNoTests: false,
    projects: [
      {
        extends: true,
        test: { name: "unit", include: ["tests/unit/**/*.test.ts"], testTimeout: 20_000 },
      },
      {
        extends: true,
        plugins: [serveFolder(SHARED_DATA_URL, sharedData), pythonServer()],
        test: {
          name: "gpu",
          include: ["tests/gpu/**/*.test.ts"],
          setupFiles: ["tests/setup/gpu-hooks.ts"],
          // Pipelines compile slowly and nothing compiles in parallel on a software adapter: one page, one device.
          isolate: false,
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          browser: {
            enabled: true,
            provider: chromium,
            headless: true,
            screenshotFailures: false,
            instances: [{ browser: "chromium" }],
          },
        },
      },
    ],
  },
});
