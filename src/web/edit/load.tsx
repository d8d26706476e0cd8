import { Lazy } from "../components/lazy.tsx";

/** Loads the editor, and opens the file of a unit in it. */
export const EditFile = ({ id, onClose }: { readonly id: string; readonly onClose: () => void }) => (
  <Lazy
    what="the editor"
    load={async () => {
      const { Editor } = await import("./editor.tsx");
      return () => <Editor id={id} onClose={onClose} />;
    }}
  />
);
