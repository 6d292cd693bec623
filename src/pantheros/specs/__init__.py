"""Changes and specs as OpenSpec defines them: read, judged, merged, archived."""
