/** The console's documents as types, made from the schema before each build; `typed/` is not checked in. */
import type { CodegenConfig } from "@graphql-codegen/cli";

export default {
  schema: "../schema.graphql",
  documents: "console/src/**/*.{ts,tsx}",
  ignoreNoDocuments: true,
  silent: true,
  generates: {
    "console/typed/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        enumsAsTypes: true,
        useTypeImports: true,
        strictScalars: true,
        scalars: { BigInt: "number", DateTime: "string", JSON: "unknown" },
      },
    },
  },
} satisfies CodegenConfig;
