"""The Space: `python app.py` opens the page at http://127.0.0.1:7860."""

from pipeline.web.serve import main

if __name__ == "__main__":
    main()
