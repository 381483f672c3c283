/** What is shown when a page fails: never nothing. */
import { Component, type ReactNode } from "react";

interface Props {
  /** Another one is another try. */
  address: string;
  children: ReactNode;
}

interface Caught {
  error: Error | null;
  address: string;
}

export class Boundary extends Component<Props, Caught> {
  override state: Caught = { error: null, address: this.props.address };

  static getDerivedStateFromError(error: Error): Partial<Caught> {
    return { error };
  }

  static getDerivedStateFromProps({ address }: Props, state: Caught): Partial<Caught> | null {
    return address === state.address ? null : { error: null, address };
  }

  override render() {
    const { error } = this.state;
    if (!error) {
      return this.props.children;
    }
    return (
      <div className="notice notice-bad" role="alert">
        <h1>This page failed</h1>
        <p>
          The server may have been updated since the console was loaded, or be away for the moment. Loading the page again
          mends both. If it fails again, the text below belongs into a bug report.
        </p>
        <pre>{error.message}</pre>
        <button type="button" className="button button-main" onClick={() => location.reload()}>
          Load again
        </button>
      </div>
    );
  }
}
