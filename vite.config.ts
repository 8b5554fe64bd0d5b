import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { alias: { wgsl_reflect: "wgsl_reflect/wgsl_reflect.module.js" } },
  test: { projects: [{ extends: true, test: { name: "unit", include: ["tests/unit/**/*.test.ts"] } }] },
});
