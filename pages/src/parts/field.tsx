// What a person chooses in a dialog, besides the reason.

import type { JSX } from "preact";

export interface Choosing {
  name: string;
  label: string;
  kind: "choice" | "number" | "text";
  options?: { value: string; label: string; does?: string }[];
  value?: string;
  note?: string;
  required?: boolean;
}

export function FieldOf({
  field,
  value,
  set,
  id,
}: {
  field: Choosing;
  value: string;
  set: (name: string, value: string) => void;
  id: string;
}): JSX.Element {
  if (field.kind === "choice" && field.options) {
    return (
      <fieldset class="field">
        <legend>{field.label}</legend>
        {field.options.map((option) => (
          <label key={option.value} class="option">
            <input
              type="radio"
              name={field.name}
              value={option.value}
              checked={value === option.value}
              onChange={() => set(field.name, option.value)}
            />
            <span>
              <strong>{option.label}</strong>
              {option.does && <span class="soft"> {option.does}</span>}
            </span>
          </label>
        ))}
      </fieldset>
    );
  }
  return (
    <label class="field" htmlFor={id}>
      <span>
        {field.label} {field.note && <span class="soft">({field.note})</span>}
      </span>
      {field.kind === "number" ? (
        <input
          id={id}
          name={field.name}
          type="number"
          min={1}
          step={1}
          required={field.required ?? false}
          value={value}
          onInput={(event) => set(field.name, event.currentTarget.value)}
        />
      ) : (
        <input
          id={id}
          name={field.name}
          maxLength={500}
          required={field.required ?? false}
          value={value}
          onInput={(event) => set(field.name, event.currentTarget.value)}
        />
      )}
    </label>
  );
}
