import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

/** A modal dialog. The browser keeps the focus inside the dialog, and restores it when the dialog closes. */
export function Dialog(props: {
  readonly title: string;
  readonly onClose: () => void;
  readonly wide?: boolean;
  readonly children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => void (before instanceof HTMLElement && before.isConnected && before.focus());
  }, []);
  const onBackdrop = (event: MouseEvent): void => {
    if (event.target === dialog.current) props.onClose();
  };
  return (
    <dialog ref={dialog} class={props.wide ? "dialog wide" : "dialog"} aria-labelledby={title} onClose={props.onClose} onClick={onBackdrop}>
      <div class="dialog-body">
        <h2 id={title}>{props.title}</h2>
        {props.children}
      </div>
    </dialog>
  );
}
