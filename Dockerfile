# The image of the workers, the topics' set-up and the stats page; the command says which.
FROM python:3.12-slim-bookworm AS build
# For the compiled Avro codec; the image that runs has no compiler.
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends gcc libc6-dev
WORKDIR /source
COPY pyproject.toml setup.py README.md LICENSE ./
COPY avro avro
COPY tables tables
COPY agents agents
COPY streams streams
RUN pip wheel --no-cache-dir --wheel-dir /wheels .

FROM python:3.12-slim-bookworm
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links=/wheels tieout \
 && useradd --system --uid 10001 --no-create-home tieout \
 && install -d -o tieout -g tieout /state
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER tieout
# A volume that is mounted here takes over the owner.
VOLUME /state
ENTRYPOINT ["tieout"]
