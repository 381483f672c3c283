"""Build the web pages from `web/` into `headbox/web_assets/`, with the exact packages of the lock file."""

from tools.node import ROOT, npm

WEB = ROOT / "web"
STAMP = WEB / "node_modules" / ".package-lock.json"


def main() -> None:
    """Install what the lock file names, unless it is there already, then check the types and build."""
    if not STAMP.exists() or STAMP.stat().st_mtime < (WEB / "package-lock.json").stat().st_mtime:
        print("Installing the packages of the web pages", flush=True)
        npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", folder=WEB)
    print("Building the web pages", flush=True)
    npm("run", "build", folder=WEB)


if __name__ == "__main__":
    main()
