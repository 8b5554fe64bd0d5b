import { describe, expect, test } from "vitest";
import { GraphError } from "../../src/core/errors.ts";
import type { Value } from "../../src/graph/value.ts";
import { bookNet, defineOp, tinyUnet } from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import { Model } from "../../src/nn/model.ts";
import { modelFile } from "../../src/pytorch/model-file.ts";

/** The class Model, without the imports and helpers before it. */
function classOf(module: nn.Module, shape: readonly number[]): string {
  const text = modelFile(new Model(module), { x: shape });
  return text.slice(text.indexOf("class Model"));
}

describe("model.py", () => {
  test("a sequential net", () => {
    const net = nn.sequential({
      conv: nn.conv2d(1, 4, { kernel: [3, 5], stride: 2, bias: false }),
      norm: nn.batchNorm(4, { momentum: 0.2 }),
      act: nn.leakyRelu(0.1),
      head: nn.sequential(nn.globalAvgPool2d(), nn.linear(4, 3)),
    });
    expect(classOf(net, [1, 9, 9])).toBe(`class Model(nn.Sequential):
    def __init__(self):
        super().__init__(OrderedDict([
            ("conv", nn.Conv2d(1, 4, (3, 5), stride=2, bias=False)),
            ("norm", nn.BatchNorm2d(4, momentum=0.2)),
            ("act", nn.LeakyReLU(0.1)),
            ("head", nn.Sequential(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), nn.Linear(4, 3))),
        ]))
`);
  });

  test("a forward of one's own, from its trace", () => {
    const text = classOf(tinyUnet({ input: [3, 8, 8], classes: 2 }), [3, 8, 8]);
    expect(text).toContain(`    def forward(self, x):
        down1 = self.down1(x)
        pool1 = self.pool1(down1)
        down2 = self.down2(pool1)`);
    expect(text).toContain("concat2 = torch.cat([grow1, down1], 1)");
  });

  test("every layer path has its line: nothing of the tree is left out", () => {
    const text = modelFile(new Model(bookNet()), { x: [1, 28, 28] });
    expect(text.match(/nn\.Conv2d\(/g)).toHaveLength(5);
    expect(text.match(/nn\.BatchNorm2d\(/g)).toHaveLength(4);
    expect(text).not.toContain("class Residual");
  });

  test("an op of one's own needs a twin by hand, and says so", () => {
    const op = defineOp({
      name: "own_op",
      inputs: ["x"],
      outputs: ["y"],
      shape: ({ x }) => ({ y: x }),
      pointwise: { wgsl: "fn own(x: Elem) -> Elem { return x; }", fn: "own", backward: "own" },
    });
    const net = nn.module({ lin: nn.linear(4, 4) }, (parts, x: Value) => op({ x: parts.lin(x) }, {}).y);
    expect(() => modelFile(new Model(net), { x: [4] })).toThrow(GraphError);
    expect(() => modelFile(new Model(net), { x: [4] })).toThrow(/own_op has no counterpart/);
  });

  test("a layer at two places is refused", () => {
    const shared = nn.linear(4, 4);
    const net = nn.sequential(shared, nn.relu(), shared);
    expect(() => modelFile(new Model(net), { x: [4] })).toThrow(/a layer at two places/);
  });
});
