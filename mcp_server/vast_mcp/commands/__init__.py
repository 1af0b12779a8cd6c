"""The command line: it joins catalogue, settings and transport, and alone prints."""
