import { afterEach, describe, expect, test, vi } from "vitest";
import { DeviceError } from "../../src/core/errors.ts";
import { type Cause, diagnose, type Environment } from "../../src/gpu/diagnose.ts";
import { describeAdapter, describeEnvironment, requestDevice } from "../../src/gpu/request-device.ts";

const AGENTS = {
  chromeWindows:
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
  chromeOld:
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/109.0.0.0 Safari/537.36",
  chromeMac:
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
  chromeLinux:
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
  edgeLinux:
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0",
  headless:
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/138.0.0.0 Safari/537.36",
  chromeAndroid:
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Mobile Safari/537.36",
  firefoxWindowsOld: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0",
  firefoxWindows: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
  firefoxLinux: "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
  firefoxMac: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:141.0) Gecko/20100101 Firefox/141.0",
  safariOld:
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
  safari:
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
  chromeIos:
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0.6478.35 Mobile/15E148 Safari/604.1",
} as const;

interface Case {
  readonly name: string;
  readonly environment: Partial<Environment> & Pick<Environment, "userAgent">;
  readonly cause: Cause;
  /** Parts of the message: what the browser is, and the next step. */
  readonly says: readonly string[];
}

const cases: readonly Case[] = [
  {
    name: "a page over http",
    environment: { userAgent: AGENTS.chromeWindows, isSecureContext: false },
    cause: "insecureContext",
    says: ["https", "http://localhost"],
  },
  {
    name: "Chrome on Linux without the flag",
    environment: { userAgent: AGENTS.chromeLinux },
    cause: "linuxFlag",
    says: ["Chrome 138 on Linux", "--enable-unsafe-webgpu", "--enable-features=Vulkan"],
  },
  {
    name: "Edge on Linux whose adapter is null",
    environment: { userAgent: AGENTS.edgeLinux, gpu: true, adapter: "null" },
    cause: "linuxFlag",
    says: ["Edge 138 on Linux", "null from requestAdapter", "chrome://flags/#enable-unsafe-webgpu"],
  },
  {
    name: "headless Chrome",
    environment: { userAgent: AGENTS.headless, gpu: true, adapter: "null" },
    cause: "headless",
    says: ["headless Chrome 138", "--use-webgpu-adapter=swiftshader"],
  },
  {
    name: "an old Chrome",
    environment: { userAgent: AGENTS.chromeOld },
    cause: "oldBrowser",
    says: ["Chrome 109 on Windows", "113", "update the browser"],
  },
  {
    name: "an old Chrome on Android",
    environment: { userAgent: AGENTS.chromeAndroid },
    cause: "oldBrowser",
    says: ["Chrome 119 on Android", "121"],
  },
  {
    name: "a new Chrome with WebGPU switched off",
    environment: { userAgent: AGENTS.chromeMac },
    cause: "noAdapter",
    says: ["Chrome 140 on macOS", "graphics acceleration", "chrome://gpu"],
  },
  {
    name: "a GPU on the blocklist",
    environment: { userAgent: AGENTS.chromeWindows, gpu: true, adapter: "null" },
    cause: "noAdapter",
    says: ["expected an adapter", "null from requestAdapter (Chrome 140 on Windows)", "chrome://gpu"],
  },
  {
    name: "Firefox on Linux",
    environment: { userAgent: AGENTS.firefoxLinux },
    cause: "firefox",
    says: ["Firefox 145 on Linux", "no WebGPU on this system", "Nightly"],
  },
  {
    name: "an old Firefox on Windows",
    environment: { userAgent: AGENTS.firefoxWindowsOld },
    cause: "firefox",
    says: ["Firefox 128 on Windows", "from version 141", "update Firefox"],
  },
  {
    name: "an old Firefox on a Mac",
    environment: { userAgent: AGENTS.firefoxMac },
    cause: "firefox",
    says: ["Firefox 141 on macOS", "from version 145"],
  },
  {
    name: "Firefox with WebGPU switched off",
    environment: { userAgent: AGENTS.firefoxWindows },
    cause: "firefox",
    says: ["Firefox 145 on Windows", "dom.webgpu.enabled", "about:config"],
  },
  {
    name: "Firefox whose adapter is null",
    environment: { userAgent: AGENTS.firefoxWindows, gpu: true, adapter: "null" },
    cause: "noAdapter",
    says: ["about:support"],
  },
  {
    name: "an old Safari",
    environment: { userAgent: AGENTS.safariOld },
    cause: "safari",
    says: ["Safari 17 on macOS", "from version 26", "Feature Flags"],
  },
  {
    name: "Chrome on an old iPhone",
    environment: { userAgent: AGENTS.chromeIos },
    cause: "safari",
    says: ["iOS 26", "Safari 17 on iOS"],
  },
  {
    name: "a worker of a Safari that has WebGPU in pages",
    environment: { userAgent: AGENTS.safari, worker: true },
    cause: "worker",
    says: ["inside a worker", "in the page itself"],
  },
  {
    name: "a worker of Chrome",
    environment: { userAgent: AGENTS.chromeWindows, worker: true },
    cause: "worker",
    says: ["none in a worker (Chrome 140 on Windows)"],
  },
  {
    name: "Node",
    environment: { userAgent: "Node.js/22" },
    cause: "runtime",
    says: ["Node.js has no WebGPU", "npm package webgpu", "requestDevice({ gpu })"],
  },
  {
    name: "Deno",
    environment: { userAgent: "Deno/2.1.4" },
    cause: "runtime",
    says: ["Deno", "--unstable-webgpu"],
  },
  {
    name: "a refused device",
    environment: {
      userAgent: AGENTS.chromeWindows,
      gpu: true,
      adapter: "given",
      refusal: "limit maxBufferSize",
    },
    cause: "deviceRefused",
    says: ["refuses to give a device", "limit maxBufferSize"],
  },
  {
    name: "an unknown browser",
    environment: { userAgent: "Servo" },
    cause: "unknown",
    says: ["got Servo", "use Chrome or Edge"],
  },
];

describe("diagnose", () => {
  test.each(cases)("$name", ({ environment, cause, says }) => {
    const diagnosis = diagnose({ isSecureContext: true, gpu: false, ...environment });
    expect(diagnosis.cause).toBe(cause);
    const { message } = new DeviceError(diagnosis);
    for (const part of says) expect(message).toContain(part);
    expect(message).toMatch(/^requestDevice: .*expected .*, got .*\n {2}fix /);
  });
});

describe("describeEnvironment", () => {
  test("a page", () => {
    const scope = { navigator: { userAgent: AGENTS.safari }, isSecureContext: false };
    expect(describeEnvironment(scope)).toEqual({
      userAgent: AGENTS.safari,
      isSecureContext: false,
      gpu: false,
      worker: false,
    });
  });

  test("a worker", () => {
    const scope = {
      navigator: { userAgent: "x", gpu: {} as GPU },
      isSecureContext: true,
      WorkerGlobalScope: Function,
    };
    expect(describeEnvironment(scope)).toMatchObject({ gpu: true, worker: true });
  });

  test("Node, which has no secure contexts, with and without a navigator", () => {
    expect(describeEnvironment({ process: { versions: { node: "20.19.0" } } })).toMatchObject({
      userAgent: "Node.js/20.19.0",
      isSecureContext: true,
    });
    expect(describeEnvironment({ navigator: { userAgent: "Node.js/22" } })).toMatchObject({ gpu: false });
  });
});

describe("describeAdapter", () => {
  const info = (fields: object) => ({ info: fields }) as GPUAdapter;

  test("a GPU", () => {
    const description = describeAdapter(
      info({ vendor: "nvidia", architecture: "ampere", device: "", description: "" }),
    );
    expect(description).toEqual({
      vendor: "nvidia",
      architecture: "ampere",
      description: "",
      software: false,
      text: "nvidia ampere",
    });
  });

  test.each([
    { vendor: "google", architecture: "swiftshader" },
    { vendor: "mesa", description: "llvmpipe (LLVM 17.0.6, 256 bits)" },
    { vendor: "microsoft", description: "Microsoft Basic Render Driver" },
    { vendor: "someone", isFallbackAdapter: true },
  ])("a software adapter: $vendor $description", (fields) => {
    const { software, text } = describeAdapter(info(fields));
    expect(software).toBe(true);
    expect(text).toContain("a GPU is 10 to 100 times faster");
  });

  test("a device repeats its adapter; older browsers mark the adapter itself", () => {
    const device = { adapterInfo: { vendor: "apple", architecture: "metal-3" } } as GPUDevice;
    expect(describeAdapter(device).text).toBe("apple metal-3");
    expect(describeAdapter({ isFallbackAdapter: true } as unknown as GPUAdapter).software).toBe(true);
    expect(describeAdapter({} as GPUAdapter).text).toBe("an adapter that does not say its name");
  });
});

/** An implementation that answers as told. */
function fakeGpu(adapter: object | null | Error): GPU {
  return {
    requestAdapter: () => (adapter instanceof Error ? Promise.reject(adapter) : Promise.resolve(adapter)),
  } as unknown as GPU;
}

function fakeNavigator(userAgent: string, gpu?: GPU): void {
  vi.stubGlobal("navigator", { userAgent, ...(gpu && { gpu }) });
  vi.stubGlobal("isSecureContext", true);
}

describe("requestDevice with faked navigators", () => {
  afterEach(() => vi.unstubAllGlobals());

  test("no navigator.gpu", async () => {
    fakeNavigator(AGENTS.firefoxLinux);
    await expect(requestDevice()).rejects.toThrow(/^requestDevice: Firefox has no WebGPU on this system yet/);
    await expect(requestDevice()).rejects.toBeInstanceOf(DeviceError);
  });

  test("no adapter", async () => {
    fakeNavigator(AGENTS.chromeWindows, fakeGpu(null));
    await expect(requestDevice()).rejects.toThrow("null from requestAdapter (Chrome 140 on Windows)");
  });

  test("a refused adapter and a refused device", async () => {
    fakeNavigator(AGENTS.chromeWindows, fakeGpu(new Error("the GPU process crashed")));
    await expect(requestDevice()).rejects.toThrow("the GPU process crashed");
    const adapter = {
      features: new Set(),
      limits: {},
      requestDevice: () => Promise.reject(new TypeError("too much")),
    };
    await expect(requestDevice({ gpu: fakeGpu(adapter) })).rejects.toThrow(
      /refuses to give a device.*too much/,
    );
  });

  test("asks for the largest limits and the features there are; a software adapter says so", async () => {
    const asked: GPUDeviceDescriptor[] = [];
    const device = {} as GPUDevice;
    const adapter = {
      info: { vendor: "google", architecture: "swiftshader" },
      features: new Set(["timestamp-query", "texture-compression-bc"]),
      limits: { maxBufferSize: 4096, maxStorageBuffersPerShaderStage: 10, maxTextureDimension2D: 8192 },
      requestDevice: (descriptor: GPUDeviceDescriptor) => {
        asked.push(descriptor);
        return Promise.resolve(device);
      },
    };
    const warnings: string[] = [];
    const given = await requestDevice({
      gpu: fakeGpu(adapter),
      limits: { maxBufferSize: 1024 },
      onWarning: (message) => warnings.push(message),
    });
    expect(given).toBe(device);
    expect(asked[0]).toMatchObject({
      requiredFeatures: ["timestamp-query"],
      requiredLimits: { maxBufferSize: 1024, maxStorageBuffersPerShaderStage: 10 },
    });
    expect(asked[0]?.requiredLimits).not.toHaveProperty("maxTextureDimension2D");
    expect(warnings).toEqual([describeAdapter(device).text]);
    expect(warnings[0]).toContain("10 to 100 times faster");
  });
});
