/** What is shown where there is nothing. */
import { Link } from "wouter";

import { Page } from "../parts/page";

export function NotFound({ what = "page", hint }: { what?: string; hint?: string }) {
  return (
    <Page title={`No such ${what}`}>
      <div className="notice">
        <p>
          There is no {what} at this address. {hint ?? "It may have been deleted, or the address may have lost a part on its way."}
        </p>
        <p>
          Go to <Link href="/">what happens now</Link>, or to <Link href="/repositories">the repositories</Link>.
        </p>
      </div>
    </Page>
  );
}
