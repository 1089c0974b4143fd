"""Speech: words, voices and languages, from the sound of a clip."""
