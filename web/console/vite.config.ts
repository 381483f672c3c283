import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  // Where the server has the page and its assets.
  base: "/console/",
  plugins: [react()],
  build: {
    outDir: "../../headbox/web_assets/console",
    emptyOutDir: true,
    // The page's Content-Security-Policy has no data: URLs.
    assetsInlineLimit: 0,
    // The first browsers with light-dark(), which the colours are made of.
    target: ["chrome123", "firefox120", "safari17.5"],
    chunkSizeWarningLimit: 300,
  },
});
