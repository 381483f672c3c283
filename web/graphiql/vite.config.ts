import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  // The server mounts the built folder here; the page itself answers at /graphql.
  base: "/graphql-assets/",
  plugins: [react()],
  build: {
    outDir: "../../headbox/web_assets/graphiql",
    emptyOutDir: true,
    // The page's Content-Security-Policy has no data: URLs but for images.
    assetsInlineLimit: 0,
    // Monaco, the editor, is most of it, and is needed at once.
    chunkSizeWarningLimit: 5000,
    rolldownOptions: {
      // "use no memo" spoke to React's compiler when GraphiQL was packaged, and means nothing any more.
      checks: { moduleLevelDirective: false },
    },
  },
});
